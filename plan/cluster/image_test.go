package cluster

import (
	"math/rand/v2"
	"strings"
	"testing"
)

var offered = []Image{
	{"ocid1.image.oc1..a", "Oracle-Linux-8.10-2025.09.16-0-OKE-1.34.1-1191"},
	{"ocid1.image.oc1..b", "Oracle-Linux-8.10-2025.09.16-0-OKE-1.34.1-1202"},
	{"ocid1.image.oc1..c", "Oracle-Linux-8.9-2025.12.31-0-OKE-1.34.1-1300"},
	{"ocid1.image.oc1..d", "Oracle-Linux-8.10-aarch64-2025.09.16-0-OKE-1.34.1-1191"},
	{"ocid1.image.oc1..e", "Oracle-Linux-8.10-aarch64-2025.11.20-0-OKE-1.34.1-900"},
	{"ocid1.image.oc1..f", "Oracle-Linux-8.10-Gen2-GPU-2025.09.16-0-OKE-1.34.1-1191"},
	{"ocid1.image.oc1..g", "Oracle-Linux-8.10-2025.09.16-0-OKE-1.33.1-1191"},
	{"ocid1.image.oc1..h", "Oracle-Linux-8.10-2026.01.31-0"},
	{"ocid1.image.oc1..i", "Oracle-Linux-7.9-2025.12.31-0-OKE-1.34.1-1400"},
}

func TestNewestImage(t *testing.T) {
	for _, tc := range []struct{ version, shape, want string }{
		{"v1.34.1", "VM.Standard.E4.Flex", "ocid1.image.oc1..b"}, // the build decides, and 8.10 is newer than 8.9
		{"v1.34.1", "VM.Standard.A1.Flex", "ocid1.image.oc1..e"}, // the date comes before the build
		{"v1.34.1", "VM.GPU.A10.1", "ocid1.image.oc1..f"},
		{"v1.33.1", "VM.Standard.E4.Flex", "ocid1.image.oc1..g"},
	} {
		for range 20 { // whatever the order of the service's answer
			rand.Shuffle(len(offered), func(i, j int) { offered[i], offered[j] = offered[j], offered[i] })
			got, err := NewestImage(offered, tc.version, ImageVariant(tc.shape))
			if err != nil || got.ID != tc.want {
				t.Fatalf("%s on %s: got %v, %v; want %s", tc.version, tc.shape, got, err, tc.want)
			}
		}
	}
}

func TestNewestImageNone(t *testing.T) {
	_, err := NewestImage(offered, "v1.35.0", AMD64)
	if err == nil || !strings.Contains(err.Error(), "v1.33.1, v1.34.1") {
		t.Errorf("got %v", err)
	}
	if _, err := NewestImage(offered, "v1.33.1", ARM64); err == nil || !strings.Contains(err.Error(), "Arm") {
		t.Errorf("got %v", err)
	}
}
