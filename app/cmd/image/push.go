package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote"
	"go.yaml.in/yaml/v2"

	"oke-guestbook/app/internal/image"
	"oke-guestbook/app/internal/ocir"
)

// push is where an image is pushed, and for which stack.
type push struct {
	public             bool
	stack, compartment string
	registry           *ocir.Registry // nil for another than Oracle's
}

// prepare checks what can be checked before the image is built.
func (p *push) prepare(target string) error {
	tag, err := image.Parse(target)
	if err != nil {
		return err
	}
	if !ocir.Serves(tag.RegistryStr()) {
		if p.public {
			return fmt.Errorf("PUBLIC: %s is not Oracle's registry: make the repository public there", tag.Registry)
		}
		return nil
	}
	if p.registry, err = ocir.Open(tag); err != nil || p.compartment != "" {
		return err
	}
	p.compartment, err = compartmentOf(p.stack)
	return err
}

// project is the name of the Pulumi project, which the keys of its configuration begin with.
const project = "oke-guestbook"

// compartmentOf returns the setting compartmentId of a stack, from its file in the directory above.
func compartmentOf(stack string) (string, error) {
	file := "Pulumi." + stack + ".yaml"
	data, err := os.ReadFile(filepath.Join("..", file))
	if errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("there is no %s: set STACK to the stack that the image is for, or COMPARTMENT=<OCID>", file)
	}
	if err != nil {
		return "", err
	}
	var settings struct{ Config map[string]any }
	if err := yaml.Unmarshal(data, &settings); err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	compartment, _ := settings.Config[project+":compartmentId"].(string)
	if compartment == "" {
		return "", fmt.Errorf("%s has no compartmentId: pulumi config set --stack %s compartmentId <OCID>, or set "+
			"COMPARTMENT=<OCID>", file, stack)
	}
	return compartment, nil
}

// send makes the repository, pushes the image in dir, and says what to set.
func (p *push) send(ctx context.Context, dir, target string) error {
	var options []remote.Option
	made := ocir.Repository{Public: true}
	if p.registry != nil {
		var err error
		if made, err = p.registry.Make(ctx, p.compartment, p.public); err != nil {
			return err
		}
		fmt.Println(made.Description)
		if options, err = p.registry.Options(ctx); err != nil {
			return err
		}
	}
	fmt.Printf("pushing %s to %s\n", dir, target)
	reference, err := image.Push(ctx, dir, target, options...)
	if err != nil && p.registry != nil {
		err = p.registry.ExplainPush(err)
	}
	if err != nil {
		return err
	}
	fmt.Print(p.advice(reference, made.Public))
	fmt.Println(reference)
	return nil
}

// advice says what to set for a stack that uses the image.
func (p *push) advice(reference string, public bool) string {
	if p.registry == nil {
		return ""
	}
	set := "  pulumi config set --stack " + p.stack
	lines := []string{
		"to use it in stack " + p.stack + ":",
		set + " frontendImage " + reference,
	}
	if !public {
		lines = append(lines,
			"and, as the repository is private, with an auth token that "+
				"`oci iam auth-token create --user-id <OCID> --description guestbook` makes:",
			set+" registryUsername "+p.registry.User(),
			set+" --secret registryPassword")
	}
	return strings.Join(lines, "\n") + "\n"
}
