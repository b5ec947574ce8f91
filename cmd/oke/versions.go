package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"oke-guestbook/internal/ocilogin"
	"oke-guestbook/internal/okeapi"
	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/problem"
	"oke-guestbook/settings"
)

// versions is what a stack's cluster runs, and what it could.
type versions struct {
	Region       string         `json:"region"`
	Cluster      string         `json:"cluster,omitempty"` // OCID
	ControlPlane []string       `json:"offeredControlPlane"`
	Nodes        []string       `json:"offeredNodes"`
	Parts        []cluster.Part `json:"running"`

	choice   cluster.Choice
	problems problem.List
}

// versionsCommand asks the region which Kubernetes versions it has for a stack.
func versionsCommand() *cobra.Command {
	var login ocilogin.Options
	var endpoint string
	var asJSON bool
	cmd := fileCommand("versions", "Shows which Kubernetes versions a stack runs and could run",
		func(cmd *cobra.Command, f file) error {
			s, err := settings.LoadFile(f.project, f.stack, f.config)
			if err != nil {
				return err
			}
			if s.CompartmentID == "" {
				return fmt.Errorf("compartmentId is not set: pulumi config set compartmentId ocid1.compartment.oc1..<unique id>")
			}
			var bad problem.List // LoadFile leaves out what involves several settings
			if s.Cluster.Validate(&bad); bad.Err() != nil {
				return bad.Err()
			}
			chosen, err := providerLogin(cmd.Context(), login, f)
			if err != nil {
				return err
			}
			found, err := ocilogin.Find(cmd.Context(), chosen)
			if err != nil {
				return err
			}
			client := okeapi.New(found.Keys, found.Region, endpoint)
			v, err := look(cmd.Context(), client, s, f)
			if err != nil {
				return okeapi.ExplainOffer(err, s.CompartmentID)
			}
			v.Region = found.Region
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(v)
			}
			return v.write(cmd.OutOrStdout(), f.stack)
		})
	flags := cmd.Flags()
	loginFlags(flags, &login)
	flags.StringVar(&endpoint, "service-endpoint", os.Getenv("OCI_CLI_ENDPOINT"), "URL of Container Engine's API")
	flags.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// look asks for the offer and for the stack's cluster.
func look(ctx context.Context, client okeapi.Client, s *settings.Settings, f file) (*versions, error) {
	offered, err := client.Offer(ctx, s.CompartmentID)
	if err != nil {
		return nil, err
	}
	running, err := client.Running(ctx, s.CompartmentID, f.project, f.stack)
	if err != nil {
		return nil, err
	}
	v := &versions{
		Cluster: running.ClusterID, ControlPlane: offered.ControlPlane, Nodes: offered.Nodes, Parts: []cluster.Part{},
	}
	v.Parts = append(v.Parts, cluster.Parts(offered, running)...)
	v.choice = s.Cluster.Choose(&v.problems, offered, running)
	return v, nil
}

func (v *versions) write(out io.Writer, stack string) error {
	fmt.Fprintf(out, "stack %s in %s\n", stack, v.Region)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if len(v.Parts) == 0 {
		fmt.Fprintln(out, "there is no cluster yet")
	} else {
		fmt.Fprintln(table, "\truns\tnext upgrade\tOKE's support ends")
	}
	for _, p := range v.Parts {
		next := cmp.Or(p.Next, "none")
		if p.Blocked != "" {
			next += ", but " + p.Blocked
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", p.Name, p.Version, next, cmp.Or(p.Ends, "not known"))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "offered for clusters: %s\noffered for node pools: %s\n",
		strings.Join(v.ControlPlane, ", "), strings.Join(v.Nodes, ", "))
	if err := v.problems.Err(); err != nil {
		_, err := fmt.Fprintf(out, "pulumi up would refuse these settings:\n%v\n", err)
		return err
	}
	fmt.Fprintf(out, "these settings ask for: control plane %s", v.choice.ControlPlane)
	for _, name := range slices.Sorted(maps.Keys(v.choice.Nodes)) {
		fmt.Fprintf(out, ", node pool %s %s", name, v.choice.Nodes[name])
	}
	_, err := fmt.Fprintln(out)
	return err
}
