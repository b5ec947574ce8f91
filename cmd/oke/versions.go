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
	"oke-guestbook/plan/kubeconfig"
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
			var bad problem.List // LoadFile checks the network only
			if s.Cluster.Validate(&bad); bad.Err() != nil {
				return bad.Err()
			}
			text := func(key string) string { value, _ := f.config["oci:"+key].(string); return value }
			login.Region = cmp.Or(login.Region, text("region"))
			login.Profile = cmp.Or(login.Profile, text("configFileProfile"))
			login.Auth = cmp.Or(login.Auth, kubeconfig.Login{Auth: text("auth")}.Method())
			credentials, region, err := ocilogin.Find(cmd.Context(), login)
			if err != nil {
				return err
			}
			client, err := okeapi.New(credentials, region, endpoint)
			if err != nil {
				return err
			}
			v, err := look(cmd.Context(), client, s, f.project+"-"+f.stack)
			if err != nil {
				return err
			}
			v.Region = region
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

// look asks for the offer and for the cluster of a name.
func look(ctx context.Context, client okeapi.Client, s *settings.Settings, name string) (*versions, error) {
	offer, err := client.Offer(ctx, s.CompartmentID)
	if err != nil {
		return nil, err
	}
	clusters, err := client.Clusters(ctx, s.CompartmentID, name)
	if err != nil {
		return nil, err
	}
	if len(clusters) > 1 {
		return nil, fmt.Errorf("compartment %s has %d clusters named %s: rename or delete those that are not this stack's",
			s.CompartmentID, len(clusters), name)
	}
	v := &versions{ControlPlane: offer.ControlPlane, Nodes: offer.Nodes, Parts: []cluster.Part{}}
	running := cluster.Running{Pools: map[string]cluster.RunningPool{}}
	for _, c := range clusters {
		v.Cluster, running.ControlPlane, running.Upgrades = c.ID, c.Version, c.Upgrades
		pools, err := client.NodePools(ctx, s.CompartmentID, c.ID)
		if err != nil {
			return nil, err
		}
		for _, p := range pools {
			running.Pools[p.Name] = cluster.RunningPool{Version: p.Version, Shape: p.Shape, ImageID: p.Source.ImageID}
		}
	}
	offered := cluster.Offered{ControlPlane: offer.ControlPlane, Nodes: offer.Nodes}
	for _, image := range offer.Images {
		offered.Images = append(offered.Images, cluster.Image{ID: image.ID, Name: image.Name})
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
