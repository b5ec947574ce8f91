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
	var who iam.Input // what the flags say
	var asJSON bool
	cmd := fileCommand("policies", "Prints the IAM policy statements that a stack's settings need",
		func(cmd *cobra.Command, f file) error {
			s, err := settings.LoadFile(f.project, f.stack, f.config)
			if err != nil {
				return err
			}
			in := s.Rights(f.project, f.stack)
			in.CompartmentID = cmp.Or(s.CompartmentID, iam.UnknownCompartment)
			in.Group, in.Domain, in.ClusterID = who.Group, who.Domain, who.ClusterID
			in.NetworkCompartment = who.NetworkCompartment
			in.AddressCompartment = cmp.Or(who.AddressCompartment, in.AddressCompartment)
			in.KeyCompartment, in.ImageCompartment = who.KeyCompartment, who.ImageCompartment
			in.GroupCompartment, in.ReservationCompartment = who.GroupCompartment, who.ReservationCompartment
			in.CertificateCompartment, in.ZoneCompartment = who.CertificateCompartment, who.ZoneCompartment
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
	flags.StringVar(&who.Group, "group", "oke-operators", "group of those who run pulumi: its name or its OCID")
	flags.StringVar(&who.Domain, "domain", "", "identity domain of the group, such as Default; empty for none")
	flags.StringVar(&who.NetworkCompartment, "network-compartment", "", "compartment of the VCN of vcnId, if another")
	flags.StringVar(&who.AddressCompartment, "address-compartment", "",
		"compartment of reservedAddress, if another (default that of reservedAddressCompartmentId)")
	flags.StringVar(&who.CertificateCompartment, "certificate-compartment", "",
		"compartment of the certificate of tlsCertificateId, if another")
	flags.StringVar(&who.ZoneCompartment, "zone-compartment", "", "compartment of the zone of dnsZoneId, if another")
	flags.StringVar(&who.KeyCompartment, "key-compartment", "", "compartment of the key of kmsKeyId, if another")
	flags.StringVar(&who.ImageCompartment, "image-compartment", "", "compartment of the image of imageId, if another")
	flags.StringVar(&who.GroupCompartment, "group-compartment", "", "compartment of the groups of nsgIds, if another")
	flags.StringVar(&who.ReservationCompartment, "reservation-compartment", "",
		"compartment of the reservation of capacityReservationId, if another")
	flags.StringVar(&who.ClusterID, "cluster", "", "OCID of the cluster, to exclude other clusters of its compartment")
	flags.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
