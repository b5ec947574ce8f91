package reach

import (
	"fmt"
	"strings"

	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/rules"
)

// Service is what a connection is for: a protocol, with destination ports or a kind of ICMP message.
type Service struct {
	Protocol rules.Protocol
	Ports    layout.PortRange // layout.AllPorts where the protocol has no ports
	ICMP     *rules.ICMPKind  // nil is every kind
}

// ParseService reads "6443", "8000-8010", "53/udp", "icmp" or "icmp/3/4". A bare port means TCP.
func ParseService(text string) (Service, error) {
	if text == string(rules.ICMP) {
		return Service{Protocol: rules.ICMP, Ports: layout.AllPorts}, nil
	}
	if kind, ok := strings.CutPrefix(text, "icmp/"); ok {
		number, code, err := layout.ParseICMP(kind)
		if err != nil {
			return Service{}, err
		}
		return Service{rules.ICMP, layout.AllPorts, &rules.ICMPKind{Type: number, Code: code}}, nil
	}
	portText, protocol, named := strings.Cut(text, "/")
	if !named {
		protocol = string(rules.TCP)
	}
	if protocol != string(rules.TCP) && protocol != string(rules.UDP) {
		return Service{}, fmt.Errorf("protocol %q is not one of tcp, udp, icmp", protocol)
	}
	ports, err := layout.ParsePorts(portText)
	if err != nil {
		return Service{}, err
	}
	return Service{rules.Protocol(protocol), ports, nil}, nil
}

// String is the form in which rules name their service: "tcp 6443", and "tcp" for every port.
func (s Service) String() string { return s.rule().Service() }

// rule returns the service as a rule without peer and direction.
func (s Service) rule() rules.Rule {
	rule := rules.Rule{Protocol: s.Protocol, Ports: s.Ports, ICMP: s.ICMP}
	if s.Ports == layout.AllPorts {
		rule.Ports = layout.PortRange{}
	}
	return rule
}

// serviceOf returns the service that a rule allows. No rule, nil, stands for every service.
func serviceOf(rule *rules.Rule) Service {
	if rule == nil {
		return Service{Protocol: rules.All, Ports: layout.AllPorts}
	}
	return Service{rule.Protocol, rule.PortRange(), rule.ICMP}
}

// intersect returns what belongs to both services, and whether anything does.
func (s Service) intersect(other Service) (Service, bool) {
	switch {
	case s.Protocol == rules.All:
		return other, true
	case other.Protocol == rules.All:
		return s, true
	case s.Protocol != other.Protocol:
		return Service{}, false
	}
	s.Ports = layout.PortRange{Min: max(s.Ports.Min, other.Ports.Min), Max: min(s.Ports.Max, other.Ports.Max)}
	switch {
	case other.ICMP == nil:
	case s.ICMP == nil:
		s.ICMP = other.ICMP
	case s.ICMP.Type != other.ICMP.Type || s.ICMP.Code >= 0 && other.ICMP.Code >= 0 && s.ICMP.Code != other.ICMP.Code:
		return Service{}, false
	case s.ICMP.Code < 0:
		s.ICMP = other.ICMP
	}
	return s, s.Ports.Min <= s.Ports.Max
}
