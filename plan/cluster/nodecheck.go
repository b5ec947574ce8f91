package cluster

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"oke-guestbook/plan/setting"
)

// A label's key is an optional DNS subdomain and a name, its value is empty or a name (Kubernetes documentation,
// "Labels and Selectors", section "Syntax and character set", and "Object Names and IDs", "DNS Subdomain Names").
// k8s.io/apimachinery checks them too, but this module does not need it for anything else.
const (
	labelName      = `[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?`
	labelSubdomain = `[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*`
	maxSubdomain   = 253
	labelChars     = "up to 63 letters of English, digits, -, _ and ., with a letter or digit at both ends"
)

var (
	labelKey   = regexp.MustCompile(`^(` + labelSubdomain + `/)?` + labelName + `$`)
	labelValue = regexp.MustCompile(`^(` + labelName + `)?$`)
)

// isLabelKey reports whether a label or taint can have the key.
func isLabelKey(key string) bool {
	domain, _, _ := strings.Cut(key, "/")
	return labelKey.MatchString(key) && len(domain) <= maxSubdomain
}

// isAnnotationKey is isLabelKey for annotations, whose case does not matter (Kubernetes, apimachinery,
// ValidateAnnotations, v0.36).
func isAnnotationKey(key string) bool { return isLabelKey(strings.ToLower(key)) }

var taintEffects = []string{"NoSchedule", "PreferNoSchedule", "NoExecute"}

// taint is a key, a value that may be left out, and an effect (Kubernetes documentation, "Taints and Tolerations").
var taint = setting.Func(
	"a taint such as team=web:NoSchedule, with the effect NoSchedule, PreferNoSchedule or NoExecute",
	func(text string) error {
		pair, effect, _ := strings.Cut(text, ":")
		key, value, _ := strings.Cut(pair, "=")
		if !isLabelKey(key) || !labelValue.MatchString(value) || !slices.Contains(taintEffects, effect) {
			return fmt.Errorf("%q is not a taint such as team=web:NoSchedule, with the effect %s", text,
				strings.Join(taintEffects, ", "))
		}
		if slices.Contains(controllersTaints, key) {
			return fmt.Errorf("%q is a taint that Kubernetes or its autoscaler sets and removes: choose a key of your own",
				text)
		}
		return nil
	})

// controllersTaints are the keys that controllers take away from a node that works (Kubernetes, pkg/controller,
// nodelifecycle, and cloud-provider, controllers/node; v1.36.3), or the cluster autoscaler when it starts
// (kubernetes/autoscaler, utils/taints).
var controllersTaints = []string{
	"node.kubernetes.io/disk-pressure", "node.kubernetes.io/memory-pressure", "node.kubernetes.io/network-unavailable",
	"node.kubernetes.io/not-ready", "node.kubernetes.io/pid-pressure", "node.kubernetes.io/unreachable",
	"node.kubernetes.io/unschedulable", "node.cloudprovider.kubernetes.io/uninitialized",
	"ToBeDeletedByClusterAutoscaler", "DeletionCandidateOfClusterAutoscaler",
}

// oneTaint refuses two taints of one key and effect, with which the kubelet does not start.
var oneTaint = setting.Func("", func(taints []string) error {
	seen := map[string]string{}
	for _, text := range taints {
		pair, effect, _ := strings.Cut(text, ":")
		key, _, _ := strings.Cut(pair, "=")
		if other, twice := seen[key+":"+effect]; twice {
			return fmt.Errorf("%s and %s have one key and effect", other, text)
		}
		seen[key+":"+effect] = text
	}
	return nil
})

func checkLabels(labels map[string]string) error {
	var all []error
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		if !isLabelKey(key) {
			all = append(all, fmt.Errorf("%q is not the key of a Kubernetes label: %s, perhaps after a domain in lower case "+
				"and a slash", key, labelChars))
		} else if value := labels[key]; !labelValue.MatchString(value) {
			all = append(all, fmt.Errorf("%s: %q is not the value of a Kubernetes label: empty, or %s", key, value, labelChars))
		} else if domain, _, prefixed := strings.Cut(key, "/"); prefixed && isReserved(domain) {
			all = append(all, fmt.Errorf("%s: a kubelet sets no labels of kubernetes.io and k8s.io but those of "+
				"node.kubernetes.io and kubelet.kubernetes.io: use a domain of your own, or none", key))
		}
	}
	return errors.Join(all...)
}

// isReserved reports whether a label's domain is one whose labels the kubelet does not set on its node (Kubernetes
// documentation, "kubelet", option node-labels, and "Using Node Authorization", NodeRestriction).
func isReserved(domain string) bool {
	within := func(parent string) bool { return domain == parent || strings.HasSuffix(domain, "."+parent) }
	return (within("kubernetes.io") || within("k8s.io")) &&
		!within("node.kubernetes.io") && !within("kubelet.kubernetes.io")
}

var sshPublicKey = setting.Func("a line such as ssh-ed25519 AAAA...", func(text string) error {
	if strings.Contains(text, "PRIVATE KEY") {
		return errors.New("is a private key, which belongs to its owner alone: write the line of its .pub file")
	}
	key, _, options, rest, err := ssh.ParseAuthorizedKey([]byte(text))
	if err != nil {
		return fmt.Errorf("%.40q is not a public SSH key: write the line of a .pub file, such as one of ssh-ed25519", text)
	}
	if len(options) > 0 {
		return fmt.Errorf("has the options %v before the key: leave them out", options)
	}
	if strings.TrimSpace(string(rest)) != "" {
		return errors.New("has more than one line: write one key, and others by cloudInit")
	}
	return checkKeyType(key)
})

// leastSSHKey is the length of RSA keys in bits that SSH servers take (OpenSSH, release notes of 7.6, and sshkey.h,
// SSH_RSA_MINIMUM_MODULUS_SIZE; read 2026-11-29). Oracle Linux 9 takes 2048 and more, by RequiredRSASize of its crypto
// policy. OpenSSH 8.0 of Oracle Linux 8, and images of one's own, need not.
const leastSSHKey = 1024

// checkKeyType refuses keys with which the SSH server of a node lets nobody in.
func checkKeyType(key ssh.PublicKey) error {
	const advice = "make another one by ssh-keygen -t ed25519"
	switch kind := key.Type(); {
	case kind == "ssh-dss": // off in OpenSSH since 7.0
		return fmt.Errorf("is a key of type %s, which SSH servers do not take any more: %s", kind, advice)
	case strings.Contains(kind, "-cert-"):
		return fmt.Errorf("is a certificate, %s, which opens nothing without its authority: write the key itself", kind)
	}
	if full, is := key.(ssh.CryptoPublicKey); is {
		if rsaKey, is := full.CryptoPublicKey().(*rsa.PublicKey); is && rsaKey.N.BitLen() < leastSSHKey {
			return fmt.Errorf("is an RSA key of %d bits, and SSH servers take %d and more: %s",
				rsaKey.N.BitLen(), leastSSHKey, advice)
		}
	}
	return nil
}
