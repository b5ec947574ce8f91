package compute

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"oke-guestbook/local/oci/engine"
)

// Image is a platform image. Those for OKE have the Kubernetes version in their names.
type Image struct {
	ID, Name string
	Arm      bool
	Linux    string // release of Oracle Linux, "8.10"
	Version  string // of Kubernetes, "v1.36.4"; empty: not for OKE
	// Withdrawn is the date from which no new node pool can have it, "2026-09-22"; empty: it is offered.
	Withdrawn string
	// CompartmentID is that of a custom image; empty: Oracle's. Only tests have custom ones.
	CompartmentID string
}

// Images are those that the region offers or has offered. Tests may withdraw others between requests.
var Images = makeImages()

func makeImages() []Image {
	var out []Image
	for _, arm := range []bool{false, true} {
		arch, suffix := "", "x86"
		if arm {
			arch, suffix = "aarch64-", "arm"
		}
		out = append(out, Image{
			ID: imageID(suffix + "plain"), Name: "Oracle-Linux-8.10-" + arch + "2026.05.31-0", Arm: arm, Linux: "8.10",
		})
		for _, v := range OKEVersions {
			for _, b := range v.Builds {
				number := strings.TrimPrefix(v.Number, "v")
				out = append(out, Image{
					ID:  imageID(suffix + strings.ReplaceAll(number+"ol"+b.Linux+"build"+b.Number, ".", "")),
					Arm: arm, Linux: b.Linux, Version: v.Number, Withdrawn: v.Withdrawn,
					Name: fmt.Sprintf("Oracle-Linux-%s-%s%s-OKE-%s-%s", b.Linux, arch, b.Date, number, b.Number),
				})
			}
		}
	}
	return out
}

func imageID(suffix string) string {
	return "ocid1.image.oc1." + engine.RegionKey + ".aaaaaaaalocalcloudimage" + suffix
}

// ImageByID returns the image, or nil.
func ImageByID(id string) *Image {
	i := slices.IndexFunc(Images, func(m Image) bool { return m.ID == id })
	if i < 0 {
		return nil
	}
	return &Images[i]
}

// osVersion is the version of the operating system as the service shows it: "8" for the release 8.10.
func (m *Image) osVersion() string {
	version, _, _ := strings.Cut(m.Linux, ".")
	return version
}

func (m *Image) doc() engine.Doc {
	return engine.Doc{
		"id": m.ID, "compartmentId": cmp.Or(m.CompartmentID, engine.TenancyID), "displayName": m.Name,
		"createImageAllowed": true,
		"lifecycleState":     "AVAILABLE", "operatingSystem": "Oracle Linux", "operatingSystemVersion": m.osVersion(),
		"sizeInMBs":  47694,
		"launchMode": "NATIVE", "timeCreated": "2026-05-31T00:00:00.000Z",
		"freeformTags": engine.Doc{}, "definedTags": engine.Doc{},
	}
}

func registerImages(api engine.API) {
	api.Handle("GET /images", "", func(c *engine.Call) (*engine.Answer, error) {
		shape := ShapeNamed(c.Query.Get("shape"))
		var out []any
		for i := range Images {
			if Images[i].Withdrawn != "" || shape != nil && shape.Arm != Images[i].Arm {
				continue // the list has the newest platform images (API reference, ListImages)
			}
			doc := Images[i].doc()
			if c.Matches(doc, "displayName", "operatingSystem", "operatingSystemVersion", "lifecycleState") {
				out = append(out, doc)
			}
		}
		return c.Page(out)
	})
	api.Handle("GET /images/{id}", "", func(c *engine.Call) (*engine.Answer, error) {
		if img := ImageByID(c.ID()); img != nil {
			return &engine.Answer{Body: img.doc()}, nil
		}
		return nil, engine.NotFound(c.ID())
	})
}
