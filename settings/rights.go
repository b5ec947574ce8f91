package settings

import "oke-guestbook/plan/iam"

// Rights returns what package iam needs to know of a stack's settings. The group of the operators, and compartments
// other than the stack's, are left to the caller.
func (s *Settings) Rights(project, stack string) iam.Input {
	return iam.Input{
		Project: project, Stack: stack, CompartmentID: s.CompartmentID,
		Network: s.Network, Cluster: s.Cluster, Guestbooks: s.Guestbooks,
		Budget: s.BudgetMonthly > 0, Alarms: s.Alarms(), OwnTopic: len(s.AlarmEmails) > 0,
		ContainerLogs: s.ContainerLogs, LogsGroup: s.LogsGroup,
		DefinedTags: len(s.DefinedTags) > 0,
	}
}
