package machine

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// ruleKinds are the kinds of rules that kube-proxy (k8s.io/kubernetes, pkg/proxy/nftables), and the packages podnet and
// ruleset load, by the modules of the kernel without which they fail. The first one is what all others need.
var ruleKinds = []struct{ name, modules, rules string }{
	{"tables of IPv4 and IPv6", "nf_tables", `
		map verdicts { type inet_proto . inet_service : verdict; }
		set marks { type mark; flags dynamic, timeout; timeout 1m; }
		chain prerouting { type filter hook prerouting priority raw; iifname { "a", "b" } drop; }
		chain output { type filter hook output priority filter; oifname "a" meta mark set meta mark or 1; }
		chain input { type filter hook input priority filter; meta l4proto . th dport vmap @verdicts; }
		chain forward { type filter hook forward priority filter; th dport != 80 drop; }
		chain postrouting { type filter hook postrouting priority mangle; }
		chain affinity { update @marks { meta mark }; }`},
	{"connection tracking", "nft_ct", `
		chain c { ct state new ct status dnat ct direction reply ct mark 1 ct mark set ct mark or 2; }`},
	{"nat", "nft_chain_nat nft_nat", `
		chain prerouting { type nat hook prerouting priority dstnat; meta l4proto tcp dnat to :80; }
		chain output { type nat hook output priority -100; }
		chain postrouting { type nat hook postrouting priority srcnat; meta l4proto tcp snat to :1024-2048; }`},
	{"masquerade", "nft_chain_nat nft_masq", `
		chain c { type nat hook postrouting priority srcnat; masquerade fully-random; }`},
	{"numgen", "nft_numgen", `chain c { numgen random mod 2 vmap { 0 : accept, 1 : drop }; }`},
	{"fib", "nft_fib_ipv4 nft_fib_ipv6", `
		chain c { type filter hook prerouting priority raw; fib daddr type local fib saddr type local drop; }`},
	{"reject", "nft_reject_ipv4 nft_reject_ipv6", `chain c { type filter hook input priority filter; reject; }`},
	{"limit", "nft_limit", `chain c { limit rate 500/second burst 1000 packets drop; }`},
	{"log to a group", "nft_log nfnetlink_log", `chain c { log prefix "a" group 1; }`},
}

// Rules returns rules of all kinds that nodes and routers load, as Missing tries them.
func Rules() string {
	var text strings.Builder
	for i, kind := range ruleKinds {
		text.WriteString(tables(fmt.Sprint("kind", i), kind.rules))
	}
	return text.String()
}

// tables writes a table of each family that kube-proxy has one of: not IPv6 where that is off (kube-proxy's
// platformCheckSupported).
func tables(name, rules string) string {
	text := fmt.Sprintf("table ip %s {%s\n}\n", name, rules)
	_, err := os.Stat("/proc/net/if_inet6")
	if err != nil || readSetting("/proc/sys/net/ipv6/conf/all/disable_ipv6") == "1" {
		return text
	}
	return text + strings.Replace(text, "ip", "ip6", 1)
}

// tryRules loads rules of each kind at once, and one kind after the other only to name those that fail.
func tryRules() error {
	nft, ok := Find("nft")
	if !ok || exec.Command(nft, "--version").Run() != nil {
		return nil // Missing says so
	}
	all := load(nft, Rules())
	if all == nil {
		return nil
	}
	var names, modules []string
	err := all
	for i, kind := range ruleKinds {
		failed := load(nft, tables(fmt.Sprint("alone", i), kind.rules))
		if failed == nil {
			continue
		}
		names, modules, err = append(names, kind.name), append(modules, kind.modules), failed
		if i == 0 {
			break // all others fail, too
		}
	}
	if len(names) == 0 {
		return fmt.Errorf("nftables: %w", all)
	}
	return fmt.Errorf("nftables with %s in the kernel (sudo modprobe %s): %w", strings.Join(names, ", "),
		strings.Join(modules, " "), err)
}

func load(nft, rules string) error {
	cmd := exec.Command(nft, "-f", "-")
	cmd.Stdin = strings.NewReader(rules)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return errors.New(firstLine(out))
	}
	return nil
}
