package settings

import (
	"cmp"

	"oke-guestbook/plan/iam"
)

// InHomeRegion reports whether the stack has what only the tenancy's home region takes: policies, a dynamic group or a
// budget.
func (s *Settings) InHomeRegion(project, stack string) bool {
	in := s.Rights(project, stack)
	return in.Budget || len(iam.CreatedByTheProgram(in)) > 0
}

// Rights returns what package iam needs to know of a stack's settings. The group of the operators, and compartments
// other than the stack's that no setting names, are left to the caller.
func (s *Settings) Rights(project, stack string) iam.Input {
	in := iam.Input{
		Project: project, Stack: stack, CompartmentID: s.CompartmentID,
		Network: s.Network, Cluster: s.Cluster, Guestbooks: s.Guestbooks,
		Budget: s.BudgetMonthly > 0, Alarms: s.Alarms(), OwnTopic: len(s.AlarmEmails) > 0,
		ContainerLogs: s.ContainerLogs, LogsGroup: s.LogsGroup,
		DefinedTags: len(s.DefinedTags) > 0, TenancyID: s.TenancyID,
	}
	for _, g := range s.Guestbooks {
		in.AddressCompartment = cmp.Or(in.AddressCompartment, g.ReservedAddressCompartmentID)
	}
	return in
}
