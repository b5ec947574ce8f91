package cluster

import (
	"strconv"
	"strings"
	"testing"
)

func TestCheckVersion(t *testing.T) {
	for _, v := range []string{"v1.36.3", "v1.34.0", "v1.9.10"} {
		if err := CheckVersion(v); err != nil {
			t.Errorf("CheckVersion(%q) = %v", v, err)
		}
	}
	for _, v := range []string{"", "1.36.3", "v1.36", "v1", "latest", "v1.36.3-rc.1", "v1.36.3 ", "v1.036.3"} {
		if err := CheckVersion(v); err == nil || !strings.Contains(err.Error(), strconv.Quote(v)) {
			t.Errorf("CheckVersion(%q) = %v, want an error with the version", v, err)
		}
	}
}

func TestCheckOffered(t *testing.T) {
	offered := []string{"v1.36.3", "v1.9.10", "v1.34.4"}
	if err := CheckOffered("v1.34.4", offered); err != nil {
		t.Error(err)
	}
	err := CheckOffered("v1.30.1", offered)
	if err == nil || !strings.Contains(err.Error(), "v1.9.10, v1.34.4, v1.36.3") {
		t.Errorf("got %v, want the offered versions in their order", err)
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
	} {
		err := CheckNodeVersion(tc.cluster, tc.node)
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("CheckNodeVersion(%s, %s) = %v, want %q", tc.cluster, tc.node, err, tc.want)
		}
	}
}
