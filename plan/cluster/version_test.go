package cluster

import (
	"strconv"
	"strings"
	"testing"
)

func TestCheckVersion(t *testing.T) {
	for _, v := range []string{"v1.36.3", "v1.34.0", "v1.9.10", "v1.36"} {
		if err := CheckVersion(v); err != nil {
			t.Errorf("CheckVersion(%q) = %v", v, err)
		}
	}
	for _, v := range []string{
		"", "1.36.3", "1.36", "v1.36.", "v1", "latest", "v1.36.3-rc.1", "v1.36.3 ", "v1.036.3", "v1.36+oke", "v1.36.4.1",
	} {
		if err := CheckVersion(v); err == nil || !strings.Contains(err.Error(), strconv.Quote(v)) {
			t.Errorf("CheckVersion(%q) = %v, want an error with the version", v, err)
		}
	}
}

func TestNewest(t *testing.T) {
	all := []string{"v1.36.4", "v1.37.0", "v1.9.10", "v1.36.1", "v1.35.10", "v1.35.2", "v1.35.0"}
	for want, version := range map[string]string{
		"":        "v1.36.4", // v1.37.0 is a preview
		"v1.36":   "v1.36.4",
		"v1.35":   "v1.35.10",
		"v1.37":   "v1.37.0",
		"v1.35.0": "v1.35.0",
		"v1.3":    "",
		"v1.36.3": "",
	} {
		if got := newest(want, all); got != version {
			t.Errorf("newest of %q is %q, want %q", want, got, version)
		}
	}
}

func TestCheckUpgrade(t *testing.T) {
	for _, tc := range []struct{ from, to, want string }{
		{"v1.35.2", "v1.35.10", ""},
		{"v1.35.2", "v1.36.1", ""},
		{"v1.35.2", "v1.36", ""},
		{"v1.35.2", "v1.37", "go to v1.36 first"},
		{"v1.35.2", "v1.38.1", "go to v1.36 first"},
		{"v1.36.4", "v1.36.1", "cannot go back"},
		{"v1.36.4", "v1.35", "cannot go back"},
	} {
		err := checkUpgrade(tc.from, tc.to)
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("from %s to %s: %v, want %q", tc.from, tc.to, err, tc.want)
		}
	}
}

func TestCheckNodeVersion(t *testing.T) {
	for _, tc := range []struct{ cluster, node, want string }{
		{"v1.36.3", "v1.36.3", ""},
		{"v1.36.3", "v1.36.1", ""},
		{"v1.36.3", "v1.33.9", ""},
		{"v1.36.3", "v1.32.9", "3"},
		{"v1.36.3", "v1.36.4", "kubernetesVersion"},
		{"v1.10.0", "v1.9.0", ""},
		{"v2.1.0", "v1.1.0", "3"},
		{"v1.36", "v1.36.9", ""}, // not known before the region is asked
		{"v1.36.1", "v1.36", ""},
		{"v1.36", "v1.37", "kubernetesVersion"},
		{"v1.36", "v1.32.1", "3"},
	} {
		err := CheckNodeVersion(tc.cluster, tc.node)
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("CheckNodeVersion(%s, %s) = %v, want %q", tc.cluster, tc.node, err, tc.want)
		}
	}
}
