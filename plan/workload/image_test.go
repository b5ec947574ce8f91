package workload

import (
	"strings"
	"testing"
)

func TestCheckImage(t *testing.T) {
	digest := "@sha256:" + strings.Repeat("0123456789abcdef", 4)
	const host = "registry.example.com/x"
	for _, tc := range []struct {
		image      string
		production bool
		want       string // part of the error, empty for none
	}{
		{host + digest, false, ""},
		{host + digest, true, ""},
		{host + ":latest" + digest, true, ""},
		{host + ":1.2" + digest, true, ""},
		{host + ":1.2", true, ""},
		{host + ":latest", false, ""},
		{host + ":latest", true, "is a moving tag"},
		{host, false, "has neither tag nor digest"},
		{host + digest[:len(digest)-1], false, "is not an image reference"},
		{"x" + digest, false, "has no registry host"},
		{digest[1:], false, "has no registry host"},
		{"localhost/x:1.2", false, ""},
		{"localhost:5000/x:1.2", false, ""},
	} {
		switch err := CheckImage(tc.image, tc.production); {
		case tc.want == "" && err != nil:
			t.Errorf("%s, production %v: %v", tc.image, tc.production, err)
		case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("%s, production %v: %v, want %q", tc.image, tc.production, err, tc.want)
		}
	}
}
