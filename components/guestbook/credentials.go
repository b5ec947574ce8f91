package guestbook

import (
	"crypto/rand"
	"fmt"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Users of the database, and the files that hold their passwords where the Secret is mounted.
const (
	rootUser    = "root"
	appUser     = "guestbook"
	backupUser  = "backup"
	secretPath  = "/run/secrets/mongo"
	rootFile    = "root-password"
	appFile     = "password"
	backupFile  = "backup-password"
	keyFile     = "keyfile" // by which the members of a replica set know each other
	credentials = "mongo-credentials"
)

// makeCredentials keeps generated passwords in the stack's state, as secrets, and hands them to Kubernetes. Those of the
// application and the backup are new with each release; root's and the replica set's stay, as they are on the volumes: for
// that reason they are kept even while the database lives elsewhere or the profile knows no passwords.
func (b *builder) makeCredentials() error {
	own := pulumi.StringMap{}
	for _, secret := range []struct {
		file    string
		rotates bool
	}{{rootFile, false}, {keyFile, false}, {appFile, true}, {backupFile, true}} {
		name := b.name + "-" + secret.file
		if secret.rotates {
			name = fmt.Sprintf("%s-%d", name, b.book.CredentialsRelease)
		}
		text, err := b.generated(name)
		if err != nil {
			return err
		}
		own[secret.file] = text
	}
	if !b.book.Hardened() {
		return nil
	}
	data := own
	if !b.book.OwnDatabase() {
		data = pulumi.StringMap{appFile: pulumi.ToSecret(pulumi.String(b.book.DatabasePassword)).(pulumi.StringOutput)}
	}
	var err error
	b.credentials, err = corev1.NewSecret(b.ctx, b.name+"-credentials", &corev1.SecretArgs{
		Metadata:   b.meta(credentials, "", nil),
		Type:       pulumi.String("Opaque"),
		StringData: data,
	}, b.within()...)
	return err
}

// generated returns a random text of 130 bits that stays the same for as long as its name does.
func (b *builder) generated(name string) (pulumi.StringOutput, error) {
	stash, err := pulumi.NewStash(b.ctx, name, &pulumi.StashArgs{Input: pulumi.ToSecret(pulumi.String(rand.Text()))},
		pulumi.Parent(b.g), pulumi.IgnoreChanges([]string{"input"}), pulumi.AdditionalSecretOutputs([]string{"input", "output"}))
	if err != nil {
		return pulumi.StringOutput{}, err
	}
	text := stash.Output.ApplyT(func(v any) (string, error) {
		s, ok := v.(string)
		if !ok {
			return "", fmt.Errorf("%s in the stack's state is a %T, not a text", name, v)
		}
		return s, nil
	})
	return pulumi.ToSecret(text).(pulumi.StringOutput), nil
}

// credentialFiles is a volume with some of the Secret's files, for the Pod's group to read.
func (b *builder) credentialFiles(files ...string) corev1.VolumeArgs {
	var items corev1.KeyToPathArray
	for _, file := range files {
		items = append(items, corev1.KeyToPathArgs{Key: pulumi.String(file), Path: pulumi.String(file)})
	}
	return corev1.VolumeArgs{Name: pulumi.String("credentials"), Secret: corev1.SecretVolumeSourceArgs{
		SecretName:  b.credentials.Metadata.Name(),
		DefaultMode: pulumi.Int(0o440),
		Items:       items,
	}}
}
