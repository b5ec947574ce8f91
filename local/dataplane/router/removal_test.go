package router_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/dataplane/router"
	"oke-guestbook/local/dataplane/router/ruleset"
	"oke-guestbook/local/oci/ocitest"
)

// eachRuleCarriesPackets takes each rule of each network away from its list or group by a request to the emulator: the
// packets that need it time out, those that need none of the missing rules pass, and with the rule all pass again. All
// networks are tried at once, as VCNs of the same router, and in each several rules of which no packet needs two.
func eachRuleCarriesPackets(t *testing.T, c *ocitest.Cloud, services []string, all []*emulated) {
	r := newRouter(t)
	whole := describe(c, all...)
	apply(t, r, whole)
	for _, port := range portsOf(t, services) {
		serve(t, r.Internet(), port)
		serve(t, r.Services(), port)
	}
	parts := ruleset.ByVCN(whole)
	var plans []*removals
	steps, rules := 0, 0
	for _, e := range all {
		p := plan(t, e, model{parts[e.vcn]}, services)
		plans = append(plans, p)
		steps = max(steps, len(p.batches))
		for _, role := range e.Subnets {
			rules += len(role.Rules)
		}
	}
	served, sent := map[string]bool{}, 0
	for step := range steps {
		var probes []probe
		var putBack []func()
		for _, p := range plans {
			if step < len(p.batches) {
				probes = append(probes, p.probes(t, r, step, served)...)
				putBack = append(putBack, p.take(step)...)
			}
		}
		apply(t, r, describe(c, all...))
		try(t, probes)
		for _, put := range putBack {
			put()
		}
		for i := range probes {
			probes[i].want = true
		}
		apply(t, r, describe(c, all...))
		try(t, probes)
		sent += len(probes)
	}
	t.Logf("%d rules of %d networks, %d flows in %d steps", rules, len(all), sent, steps)
}

// ruleOf is a rule of a role, by its key.
type ruleOf struct{ role, text string }

// needing is a flow with the rules without which it does not pass.
type needing struct {
	question
	rules []ruleOf
}

// removals are the rules of a network in batches: each rule has a flow that needs no other rule of its batch.
type removals struct {
	*emulated
	whole   model
	flows   []needing
	batches [][]ruleOf
}

// perBatch limits how many rules of a network are away at a time, so that most flows pass.
const perBatch = 8

// plan divides the rules of a network into batches. A rule that no flow needs is an error.
func plan(t *testing.T, e *emulated, whole model, services []string) *removals {
	t.Helper()
	p := &removals{emulated: e, whole: whole}
	for _, q := range e.questions(t, services) {
		if whole.passes(q) {
			p.flows = append(p.flows, needing{question: q})
		}
	}
	for role, s := range e.Subnets {
		for _, text := range s.Rules {
			rule := ruleOf{role, text}
			without := whole.without(e.holders[role], text)
			needed := false
			for i, f := range p.flows {
				if !without.passes(f.question) {
					p.flows[i].rules = append(p.flows[i].rules, rule)
					needed = true
				}
			}
			switch {
			case needed:
				p.add(rule)
			case !isUntried(text):
				t.Errorf("%s: nothing needs the rule of %s %q", e, role, text)
			}
		}
	}
	return p
}

// isUntried reports whether a rule is for messages to Oracle's services, which are part of connections.
func isUntried(text string) bool {
	return strings.Contains(text, " icmp ") && strings.HasSuffix(text, " osn")
}

// without returns the network without a rule of a list or group. Rules have their keys as descriptions.
func (m model) without(holder, text string) model {
	take := func(all []cloud.RuleSet) []cloud.RuleSet {
		all = slices.Clone(all)
		for i, set := range all {
			if set.ID == holder {
				all[i].Rules = slices.DeleteFunc(slices.Clone(set.Rules), func(r cloud.SecurityRule) bool {
					return r.Description == text
				})
			}
		}
		return all
	}
	m.SecurityGroups, m.Subnets = take(m.SecurityGroups), slices.Clone(m.Subnets)
	for i := range m.Subnets {
		m.Subnets[i].SecurityLists = take(m.Subnets[i].SecurityLists)
	}
	return m
}

// questions are those of asked, and those from and to a host behind the dynamic routing gateway.
func (e *emulated) questions(t *testing.T, services []string) (all []question) {
	for _, a := range e.asked(t, services) {
		all = append(all, a.question)
	}
	for role := range e.Subnets {
		host, peer := addr(e.Ends[role+" 1"]), addr(peerAddress)
		for _, q := range []question{{from: host, to: peer}, {from: peer, to: host}} {
			for _, service := range services {
				q.read(t, service)
				all = append(all, q)
			}
		}
	}
	return all
}

// add puts a rule into the first batch where each rule has a flow of its own then, or into a new one.
func (p *removals) add(rule ruleOf) {
	for i, batch := range p.batches {
		with := append(slices.Clone(batch), rule)
		if len(with) > perBatch || slices.ContainsFunc(with, func(r ruleOf) bool { return len(p.alone(r, with)) == 0 }) {
			continue
		}
		p.batches[i] = with
		return
	}
	p.batches = append(p.batches, []ruleOf{rule})
}

// alone returns the flows that need the rule and no other one of a batch.
func (p *removals) alone(rule ruleOf, batch []ruleOf) (flows []needing) {
	for _, f := range p.flows {
		others := func(r ruleOf) bool { return r != rule && slices.Contains(f.rules, r) }
		if slices.Contains(f.rules, rule) && !slices.ContainsFunc(batch, others) {
			flows = append(flows, f)
		}
	}
	return flows
}

// probes returns, for a batch, two flows that need each rule and should stop, and some that need none and should pass.
func (p *removals) probes(t *testing.T, r *router.Router, step int, served map[string]bool) (all []probe) {
	t.Helper()
	batch := p.batches[step]
	add := func(want bool, flows []needing, most int) {
		for _, f := range flows[:min(len(flows), most)] {
			one := p.whole.probe(r, f.question)
			one.name, one.want = p.String()+", "+one.name, want
			all = append(all, one)
			if to := p.whole.vnicOf(f.to); to != nil && f.port > 0 && !served[fmt.Sprint(to.Host, f.port)] {
				served[fmt.Sprint(to.Host, f.port)] = true
				serve(t, r.Host(to.Host), f.port)
			}
		}
	}
	for _, rule := range batch {
		add(false, p.alone(rule, batch), 2)
	}
	add(true, slices.DeleteFunc(slices.Clone(p.flows), func(f needing) bool {
		return slices.ContainsFunc(f.rules, func(r ruleOf) bool { return slices.Contains(batch, r) })
	}), perBatch)
	return all
}

// take takes the rules of a batch away, and returns what puts them back.
func (p *removals) take(step int) (putBack []func()) {
	byRole := map[string][]string{}
	for _, rule := range p.batches[step] {
		byRole[rule.role] = append(byRole[rule.role], rule.text)
	}
	for role, texts := range byRole {
		putBack = append(putBack, p.emulated.take(role, texts))
	}
	return putBack
}
