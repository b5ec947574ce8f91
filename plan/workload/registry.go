package workload

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/distribution/reference"

	"oke-guestbook/plan/problem"
	"oke-guestbook/plan/setting"
)

// Registry is a registry of container images, and who pulls from it.
type Registry struct {
	Host     string // such as "iad.ocir.io"; Complete derives it from the frontends' images
	Username string // empty if no credentials are needed
	Password string
}

// Settings declares the settings of the registry.
func (r *Registry) Settings() setting.Group {
	return setting.Group{
		setting.Of(&r.Username, "registryUsername", "",
			"User who pulls images of a private registry; for Oracle's <tenancy namespace>/<user>, or "+
				"<tenancy namespace>/<domain>/<user> of an identity domain. Empty for public images",
			setting.Optional(setting.Func("a user name without colon or white space", checkUsername))),
		setting.Of(&r.Password, "registryPassword", "",
			"Password of registryUsername, for Oracle's registry an auth token. Set it with --secret"),
		setting.Of(&r.Host, "registry", "",
			"Registry host of registryUsername. Empty for that of frontendImage, if all guestbooks have the same"),
	}
}

func checkUsername(name string) error {
	if strings.ContainsFunc(name, func(r rune) bool { return r == ':' || unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return errors.New("must have no colon and no white space")
	}
	return nil
}

// oracleUser matches users of Oracle's registry.
var oracleUser = regexp.MustCompile(`^[^/]+(/[^/]+){1,2}$`)

// oracle matches the hosts of Oracle's registry, with the key or the name of the region. Each realm has a domain of its
// own (oci-go-sdk v65.129.0, common/regions.go).
var oracle = regexp.MustCompile(
	`^(?:([a-z0-9-]+)\.ocir\.io|ocir\.([a-z0-9-]+)\.oci\.oracle(?:gov)?cloud[0-9]*\.(?:com|eu|uk))$`)

// OracleRegion returns the region of an image of Oracle's registry, such as us-ashburn-1, or its key, if that is not
// known here. It is empty for images of other registries.
func OracleRegion(image string) string {
	if parts := oracle.FindStringSubmatch(strings.ToLower(Host(image))); parts != nil {
		return RegionNamed(parts[1] + parts[2])
	}
	return ""
}

// RegionNamed returns the name of a region by its name or its key, "iad": a key that is not known here as it is.
func RegionNamed(text string) string { return cmp.Or(regions[text], text) }

// Commercial reports whether the region is known to be one of realm oc1.
func Commercial(region string) bool {
	return slices.Contains(slices.Collect(maps.Values(regions)), RegionNamed(region))
}

// Realm returns the realm of a region, such as oc1; "" if it is not known here.
func Realm(region string) string {
	if Commercial(region) {
		return "oc1"
	}
	return realms[region]
}

// Complete fills in the host if all frontends' images are of one registry, and there are credentials.
func (r *Registry) Complete(guestbooks []Guestbook) {
	var hosts []string
	for _, g := range guestbooks {
		hosts = append(hosts, Host(g.FrontendImage))
	}
	slices.Sort(hosts)
	if hosts = slices.Compact(hosts); r.Credentials() && r.Host == "" && len(hosts) == 1 {
		r.Host = hosts[0]
	}
}

// Credentials reports whether images are pulled with user name and password.
func (r *Registry) Credentials() bool { return r.Username != "" && r.Password != "" }

// Serves reports whether one of the images is pulled with the registry's credentials.
func (r *Registry) Serves(images ...string) bool {
	return r.Credentials() && slices.ContainsFunc(images, func(image string) bool { return Host(image) == r.Host })
}

// Validate adds every problem of a completed registry to list. Images are those of the stack; dependsOn are their
// settings.
func (r *Registry) Validate(list *problem.List, images, dependsOn []string) {
	r.Settings().Check(list, "")
	add := func(key, format string, args ...any) {
		list.Add(key, format, args...).DependsOn("registry", "registryUsername", "registryPassword").DependsOn(dependsOn...)
	}
	var hosts []string
	for _, image := range images {
		if host := Host(image); host != "" && !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	slices.Sort(hosts)
	from := strings.Join(hosts, ", ")
	switch {
	case r.Username == "" && r.Password != "":
		add("registryUsername", "is required with registryPassword")
	case r.Username != "" && r.Password == "":
		add("registryPassword", "is required with registryUsername: pulumi config set --secret registryPassword <password>")
	case r.Password != strings.TrimSpace(r.Password):
		add("registryPassword", "must not begin or end with white space, nor be white space only: printf %%s, unlike echo, "+
			"adds no line's end")
	case !r.Credentials() && r.Host != "":
		add("registry", "is for registryUsername and registryPassword, which are not set")
	case !r.Credentials():
	case r.Host == "" && slices.Contains(images, ""): // its absence is a problem of its own
	case r.Host == "":
		add("registry", "is required, as the guestbooks' frontends have images of several registries: one of %s", from)
	case !slices.Contains(hosts, r.Host):
		add("registry", "no image of this stack is of %q: they are of %s", r.Host, from)
	case oracle.MatchString(r.Host) && !oracleUser.MatchString(r.Username):
		add("registryUsername", "%q must begin with the tenancy's namespace, as Oracle's registry wants it: "+
			"<tenancy namespace>/<user>", r.Username)
	}
}

// DockerConfig returns the credentials as the file config.json of Docker, which a Secret of type
// kubernetes.io/dockerconfigjson holds.
func (r *Registry) DockerConfig() (string, error) {
	host := r.Host
	if host == "docker.io" {
		host = "https://index.docker.io/v1/" // Docker Hub's key in that file
	}
	type login struct {
		Username string `json:"username"`
		Password string `json:"password"`
		Auth     []byte `json:"auth"` // written in base64
	}
	raw, err := json.Marshal(map[string]map[string]login{
		"auths": {host: {r.Username, r.Password, []byte(r.Username + ":" + r.Password)}},
	})
	if err != nil {
		return "", fmt.Errorf("credentials of registry %s: %w", r.Host, err)
	}
	return string(raw), nil
}

// Host returns the registry host of an image, or the empty text if the image is no reference.
func Host(image string) string {
	if ref, err := reference.Parse(image); err == nil {
		if named, ok := ref.(reference.Named); ok {
			return reference.Domain(named)
		}
	}
	return ""
}

// Images returns the images of the guestbook's Pods.
func (g *Guestbook) Images() []string {
	images := []string{g.FrontendImage}
	if g.Hardened() {
		images = append(images, g.Chores())
	}
	if g.OwnDatabase() {
		images = append(images, g.MongoImage)
	}
	return images
}
