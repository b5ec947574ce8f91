package compute

// KubernetesVersion is a version that OKE offers or has offered.
type KubernetesVersion struct {
	Number    string  // "v1.36.4"
	Withdrawn string  // date from which no new cluster can have it, "2026-09-22"; empty: it is offered
	Builds    []Build // withdrawn with the version
}

// Build is a set of OKE images, of both architectures, with the parts of their names.
type Build struct{ Linux, Date, Number string } // "8.10", "2026.08.14-0", "1820"

// OKEVersions are the versions of Kubernetes, oldest first, as of 2026-10-05. None is newer than the linked Kubernetes
// by a minor version, because the local cloud could not run it. Versions with patch 0 are previews, and have no images
// here.
//
// Sources: Oracle documentation, "Supported Versions of Kubernetes", 2026-09-05, for all but the last; the options of a
// tenancy in Ashburn, 2026-10-05, for the last; names of images in public configurations, 2026-08 to 2026-10, and those
// of withdrawn versions in Oracle's "All OKE Worker Node Oracle Linux 9.x Images", a copy of mid-2026, read 2026-11-29.
var OKEVersions = []KubernetesVersion{
	{Number: "v1.33.10", Withdrawn: "2026-08-10", Builds: []Build{{"9.7", "2026.06.15-0", "1505"}}},
	{Number: "v1.34.1", Withdrawn: "2026-03-09"},
	{Number: "v1.34.2", Withdrawn: "2026-09-22", Builds: []Build{{"9.7", "2026.06.15-0", "1505"}}},
	{Number: "v1.34.10", Builds: []Build{{"8.10", "2026.08.14-0", "1820"}, {"9.8", "2026.08.14-0", "1820"}}},
	{Number: "v1.35.0"},
	{Number: "v1.35.2", Builds: []Build{
		{"8.10", "2026.06.15-0", "1505"}, {"8.10", "2026.08.14-0", "1820"}, {"9.8", "2026.08.14-0", "1820"},
	}},
	{Number: "v1.36.0"},
	{Number: "v1.36.1", Builds: []Build{{"8.10", "2026.08.14-0", "1699"}, {"9.8", "2026.08.14-0", "1699"}}},
	{Number: "v1.36.4", Builds: []Build{{"8.10", "2026.08.14-0", "1820"}, {"9.8", "2026.08.14-0", "1820"}}},
}

// OfferedVersions returns the numbers of the versions that new clusters can have, oldest first.
func OfferedVersions() []string {
	var offered []string
	for _, v := range OKEVersions {
		if v.Withdrawn == "" {
			offered = append(offered, v.Number)
		}
	}
	return offered
}
