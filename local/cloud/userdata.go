package cloud

import (
	"regexp"
	"strings"
)

// taintArgument is the kubelet's argument, as OKE's script takes it in --kubelet-extra-args.
var taintArgument = regexp.MustCompile(`--register-with-taints=([^\s"']+)`)

// Taints returns the taints that a node's user_data, as text, has the kubelet register: "team=web:NoSchedule".
func Taints(userData string) []string {
	match := taintArgument.FindStringSubmatch(userData)
	if match == nil {
		return nil
	}
	return strings.Split(match[1], ",")
}
