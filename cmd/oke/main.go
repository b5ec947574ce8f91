// Command oke answers questions about a stack from its settings file, without an engine. It refuses the same settings
// of the network as `pulumi up`, with the same errors. Only doctor asks the cloud.
//
//	oke reach --stack prod
//	oke reach --stack prod --from workers --to api --port 6443
//	oke diagram --stack prod -o docs/network-prod.svg
//	oke policies --stack prod --group oke-operators --domain Default
//	oke cost --stack prod --against main
//	oke doctor --stack dev
//
// Two commands give access to a cluster with OCI credentials:
//
//	oke token --cluster-id ocid1.cluster...
//	oke kubeconfig --stack prod --merge ~/.kube/config
//
// One asks the region, with the same credentials:
//
//	oke versions --stack prod
//
// Two commands run Pulumi's CLI, on any stack and backend:
//
//	oke recover --stack prod
//	oke drift --stack prod
//
// One reads what pulumi up has printed:
//
//	oke explain --stack prod --log up.log
//
// One writes settings for the local cloud:
//
//	oke rehearsal --stack prod
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "oke:", err)
		if errors.As(err, new(driftError)) {
			os.Exit(driftStatus)
		}
		os.Exit(1)
	}
}

// run executes the command line. To add a subcommand, write a file like diagram.go and name it here.
func run(args []string, out, notes io.Writer) error {
	root := &cobra.Command{
		Use:           "oke",
		Short:         "Answers questions about a stack from its settings file",
		SilenceErrors: true, // main prints them
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE: func(root *cobra.Command, _ []string) error {
			var names []string
			for _, command := range root.Commands() {
				names = append(names, command.Name())
			}
			return fmt.Errorf("name a command: %s; oke help describes them", strings.Join(names, ", "))
		},
	}
	root.AddCommand(
		reachCommand(), diagramCommand(), policiesCommand(), // from the settings
		costCommand(),
		doctorCommand(),                     // asks the cloud, too
		tokenCommand(), kubeconfigCommand(), // access to the cluster
		versionsCommand(),                // asks the region
		recoverCommand(), driftCommand(), // with Pulumi's CLI
		explainCommand(),   // reads its output
		rehearsalCommand(), // writes settings
	)
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(notes)
	return root.ExecuteContext(context.Background())
}
