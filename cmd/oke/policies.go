package main

import (
	"cmp"
	"fmt"

	"github.com/spf13/cobra"

	"oke-guestbook/plan/iam"
	"oke-guestbook/settings"
)

// policiesCommand prints the IAM policy statements that a stack's settings need.
func policiesCommand() *cobra.Command {
	var in iam.Input
	var asJSON bool
	cmd := fileCommand("policies", "Prints the IAM policy statements that a stack's settings need",
		func(cmd *cobra.Command, f file) error {
			s, err := settings.LoadFile(f.project, f.stack, f.config)
			if err != nil {
				return err
			}
			in.Project, in.Stack, in.CompartmentID = f.project, f.stack, s.CompartmentID
			in.Network, in.Cluster, in.Guestbooks = s.Network, s.Cluster, s.Guestbooks
			in.Budget = s.BudgetMonthly > 0
			in.Alarms, in.OwnTopic = s.Alarms(), len(s.AlarmEmails) > 0
			in.DefinedTags = len(s.DefinedTags) > 0
			in.CompartmentID = cmp.Or(in.CompartmentID, iam.UnknownCompartment)
			if err := iam.Validate(in); err != nil {
				return err
			}
			if s.CompartmentID == "" {
				fmt.Fprintf(cmd.ErrOrStderr(), "compartmentId is not set yet: %s stands in\n", in.CompartmentID)
			}
			if asJSON {
				return iam.WriteJSON(cmd.OutOrStdout(), in)
			}
			return iam.WriteText(cmd.OutOrStdout(), in)
		})
	flags := cmd.Flags()
	flags.StringVar(&in.Group, "group", "oke-operators", "group of those who run pulumi: its name or its OCID")
	flags.StringVar(&in.Domain, "domain", "", "identity domain of the group, such as Default; empty for none")
	flags.StringVar(&in.NetworkCompartment, "network-compartment", "", "compartment of the VCN of vcnId, if another")
	flags.StringVar(&in.AddressCompartment, "address-compartment", "", "compartment of reservedAddress, if another")
	flags.StringVar(&in.CertificateCompartment, "certificate-compartment", "",
		"compartment of the certificate of tlsCertificateId, if another")
	flags.StringVar(&in.KeyCompartment, "key-compartment", "", "compartment of the key of kmsKeyId, if another")
	flags.StringVar(&in.ImageCompartment, "image-compartment", "", "compartment of the image of imageId, if another")
	flags.StringVar(&in.ClusterID, "cluster", "", "OCID of the cluster, to exclude other clusters of its compartment")
	flags.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
