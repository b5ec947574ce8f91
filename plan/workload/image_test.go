package workload

import (
	"strings"
	"testing"
)

func TestImages(t *testing.T) {
	digest := "@sha256:" + strings.Repeat("0123456789abcdef", 4)
	const host = "registry.example.com/x"
	for _, tc := range []struct {
		image         string
		valid, pinned bool
	}{
		{host + digest, true, true},
		{host + ":latest" + digest, true, true},
		{host + ":1.2" + digest, true, true},
		{host + ":1.2", true, true},
		{host + ":latest", true, false},
		{host, false, true},
		{host + digest[:len(digest)-1], false, true},
		{"x" + digest, false, true},
		{digest[1:], false, true},
		{"localhost/x:1.2", true, true},
		{"localhost:5000/x:1.2", true, true},
	} {
		if err := CheckImage(tc.image); (err == nil) != tc.valid {
			t.Errorf("%s: got %v, want valid %t", tc.image, err, tc.valid)
		}
		if err := CheckPinned(tc.image); (err == nil) != tc.pinned {
			t.Errorf("%s: got %v, want pinned %t", tc.image, err, tc.pinned)
		}
	}
}
