package containerengine

import (
	"slices"
	"strings"

	"oke-guestbook/local/oci/compute"
	"oke-guestbook/local/oci/engine"
)

// registerOptions adds what is offered for clusters and node pools.
func (s *Service) registerOptions(api engine.API) {
	api.Handle("GET /clusterOptions/{id}", "", func(c *engine.Call) (*engine.Answer, error) {
		if err := checkOptionID(c, clusterKind); err != nil {
			return nil, err
		}
		return &engine.Answer{Body: engine.Doc{
			"kubernetesVersions":       s.versions.listFor(c),
			"clusterPodNetworkOptions": []any{engine.Doc{"cniType": vcnNative}, engine.Doc{"cniType": "FLANNEL_OVERLAY"}},
		}}, nil
	})
	api.Handle("GET /nodePoolOptions/{id}", "", func(c *engine.Call) (*engine.Answer, error) {
		if err := checkOptionID(c, poolKind); err != nil {
			return nil, err
		}
		arch, version := c.Query.Get("nodePoolOsArch"), c.Query.Get("nodePoolK8sVersion")
		selects := func(arm bool) bool { return arch == "" || arm == (arch == "AARCH64") }
		shapes, images, sources := []string{}, []string{}, []any{}
		for _, shape := range compute.Shapes {
			if selects(shape.Arm) && shape.ForNodes() {
				shapes = append(shapes, shape.Name)
			}
		}
		for _, shape := range podShapes {
			if selects(strings.Contains(shape, ".A1.")) {
				shapes = append(shapes, shape)
			}
		}
		offered := s.versions.list(true)
		for _, img := range compute.Images {
			if img.Withdrawn != "" || img.Version != "" && !slices.Contains(offered, img.Version) {
				continue // OKE withdraws the images with the version
			}
			if selects(img.Arm) && (version == "" || img.Version == version) {
				images = append(images, img.Name)
				sources = append(sources, engine.Doc{"sourceType": "IMAGE", "imageId": img.ID, "sourceName": img.Name})
			}
		}
		return &engine.Answer{Body: engine.Doc{
			"kubernetesVersions": s.versions.listFor(c), "shapes": shapes, "images": images, "sources": sources,
		}}, nil
	})
	api.Handle("GET /podShapes", "", func(c *engine.Call) (*engine.Answer, error) {
		if err := c.NeedsQuery("compartmentId"); err != nil {
			return nil, err
		}
		var out []any
		for _, shape := range podShapes {
			if doc := (engine.Doc{"name": shape}); c.Matches(doc, "name") {
				out = append(out, doc)
			}
		}
		return c.Page(out)
	})
}

// checkWithdrawn refuses a withdrawn image where it is new for a node pool. Old is the pool before an update, or nil: a
// pool that has the image goes on working, and its new nodes get it. Code and words are those of a refusal of 2021
// (terraform-oci-oke#289). That a running pool is refused nothing is an assumption: Oracle says that cycling can fail
// where the image was deleted (its blog on worker images that are retired or deleted). Both were read on 2026-11-29,
// and not tried.
func checkWithdrawn(pool, old engine.Doc) error {
	id := pool.Str("nodeSourceDetails", "imageId")
	img := compute.ImageByID(id)
	if img == nil || img.Withdrawn == "" || id == old.Str("nodeSourceDetails", "imageId") {
		return nil
	}
	return engine.Invalid("nodeSourceDetails.imageId: the image %s may not exist: %s is withdrawn since %s",
		id, img.Name, img.Withdrawn)
}

// checkOptionID allows "all", and the OCID of an existing resource of the kind or of a cluster.
func checkOptionID(c *engine.Call, kind string) error {
	if c.ID() == "all" {
		return nil
	}
	if r := c.Find(c.ID()); r != nil && r.Removed == nil && (r.Kind == kind || r.Kind == clusterKind) {
		return nil
	}
	return engine.NotFound(c.ID())
}
