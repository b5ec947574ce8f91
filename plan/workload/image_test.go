package workload

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
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

// TestImagesByDefault compares the table with the profiles.
func TestImagesByDefault(t *testing.T) {
	for _, i := range Images {
		if err := errors.Join(CheckImage(i.Name), CheckPinned(i.Name)); err != nil {
			t.Error(err)
		}
		if i.Digest != "" {
			if err := CheckImage(Host(i.Name) + "/x@" + i.Digest); err != nil {
				t.Errorf("%s: %v", i.Name, err)
			}
		}
		if looked, err := time.Parse(time.DateOnly, i.Looked); err != nil || looked.After(time.Now()) {
			t.Errorf("%s: last look %q", i.Name, i.Looked)
		}
		if i.Source == "" || !slices.Contains(i.Architectures, "amd64") {
			t.Errorf("%s: source %q, architectures %v", i.Name, i.Source, i.Architectures)
		}
		if i.Profile != Tutorial && !slices.Contains(i.Architectures, "arm64") {
			t.Errorf("%s is not for arm64, the architecture of the default shape", i.Name)
		}
	}
	for profile, spec := range profiles {
		for setting, name := range map[string]string{"frontendImage": spec.FrontendImage, "mongoImage": spec.MongoImage} {
			if required := profile == Hardened && setting == "frontendImage"; (name == "") != required {
				t.Errorf("profile %s: %s %q", profile, setting, name)
			}
		}
	}
}

func TestOracleRegion(t *testing.T) {
	for image, want := range map[string]string{
		"iad.ocir.io/t/guestbook:v1": "us-ashburn-1", "zzz.ocir.io/t/guestbook:v1": "zzz",
		"us-ashburn-1.ocir.io/t/guestbook:v1":                 "us-ashburn-1",
		"ocir.us-ashburn-1.oci.oraclecloud.com/t/a:v1":        "us-ashburn-1",
		"ocir.us-gov-ashburn-1.oci.oraclegovcloud.com/t/a:v1": "us-gov-ashburn-1",
		"ocir.uk-gov-london-1.oci.oraclegovcloud.uk/t/a:v1":   "uk-gov-london-1",
		"ocir.ap-chiyoda-1.oci.oraclecloud8.com/t/a:v1":       "ap-chiyoda-1",
		"IAD.ocir.io/t/a:v1":                                  "us-ashburn-1", "ocir.iad.oci.example.com/t/a:v1": "",
		"docker.io/library/mongo:8.0": "", "iad.ocir.io.example.com/t/a:v1": "",
	} {
		if got := OracleRegion(image); got != want {
			t.Errorf("%s: %q, want %q", image, got, want)
		}
	}
	for key, want := range regions {
		if got := string(common.StringToRegion(key)); got != want {
			t.Errorf("region %s is %s, not %s", key, got, want)
		}
		if realm, _ := common.Region(want).RealmID(); Realm(want) != realm {
			t.Errorf("region %s is of realm %s, not %s", want, realm, Realm(want))
		}
	}
	for region, want := range realms {
		if got, err := common.Region(region).RealmID(); got != want || err != nil {
			t.Errorf("region %s is of realm %s, not %s: %v", region, got, want, err)
		}
	}
}
