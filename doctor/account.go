package doctor

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"oke-guestbook/internal/ocirest"
)

// account makes the first request, and explains why it fails. Then it looks at clock, regions and compartment.
func (v *visit) account(ctx context.Context) []Result {
	where := v.config[v.Project+":compartmentId"] // as the program asks
	if !strings.HasPrefix(where, "ocid1.") {
		where = v.login.Tenancy
	}
	domains, err := list[struct{ Name string }](ctx, v.cloud, identity, "/availabilityDomains", ocirest.In(where))
	if ahead, known := v.cloud.Ahead(); known && ahead.Abs() > ocirest.MaxSkew {
		way := map[bool]string{true: "fast", false: "slow"}[ahead > 0]
		return []Result{failed("this machine's clock is %s %s, and Oracle refuses more than %s",
			ahead.Abs().Round(time.Minute), way, ocirest.MaxSkew).do("set the clock: timedatectl set-ntp true")}
	}
	if err != nil && !ocirest.IsNotFound(err) {
		return []Result{v.unreached(err)}
	}
	for _, d := range domains {
		v.domains = append(v.domains, d.Name)
	}
	slices.Sort(v.domains)
	results := []Result{ok("the region %s answers, and takes the credentials", v.cloud.Region)}
	if ahead, known := v.cloud.Ahead(); known {
		results = append(results, ok("clock: %s off", ahead.Abs()))
	}
	return append(results, append(v.regions(ctx), v.compartment(ctx)...)...)
}

// unreached explains why the first request has failed.
func (v *visit) unreached(err error) Result {
	region := v.cloud.Region
	var resolve *net.DNSError
	var broken net.Error
	failure, answered := ocirest.Refusal(err)
	switch {
	case answered && failure.GetHTTPStatusCode() == http.StatusUnauthorized:
		return failed("the region %s refuses the credentials: %s", region, failure.GetMessage()).do(
			"the key must be one of the user's in the Console (Identity, My profile, API keys), and the tenancy its own;\n" +
				"the same answer comes from a region that the tenancy is not subscribed to")
	case errors.As(err, &resolve):
		return failed("there is no host %s: %s is no region, or this machine has no network", resolve.Name, region).do(
			"pulumi config set oci:region <region>, such as us-ashburn-1; else check DNS and HTTPS_PROXY")
	case errors.As(err, &broken):
		return failed("the region %s cannot be reached: %v", region, firstLine(broken)).
			do("check the network, and HTTPS_PROXY if there is a proxy")
	}
	return failed("region %s: %s", region, answer(err)).do("try again later")
}

// regions checks that the tenancy is subscribed to the region, and which is its home.
func (v *visit) regions(ctx context.Context) []Result {
	type subscription struct {
		Name   string `json:"regionName"`
		Status string `json:"status"`
		Home   bool   `json:"isHomeRegion"`
	}
	path := "/tenancies/" + v.login.Tenancy + "/regionSubscriptions"
	all, err := list[subscription](ctx, v.cloud, identity, path, url.Values{})
	if ocirest.IsNotFound(err) {
		return []Result{skipped("regions: this user may not list those of the tenancy (inspect tenancies in tenancy)")}
	} else if err != nil {
		return []Result{unavailable("regions", err)}
	}
	var names []string
	home := ""
	for _, s := range all {
		if s.Status == "READY" {
			names = append(names, s.Name)
		}
		if s.Home {
			home = s.Name
		}
	}
	region := string(v.cloud.Region)
	if !slices.Contains(names, region) {
		return []Result{failed("the tenancy is not subscribed to %s, but to %s", region, strings.Join(names, ", ")).
			do("pulumi config set oci:region <one of them>, or an administrator subscribes to it in the Console")}
	}
	return []Result{ok("region %s, of %d that the tenancy is subscribed to", region, len(names)), v.homeRegion(home)}
}

// homeRegion checks the setting of that name: policies are created in the home region only.
func (v *visit) homeRegion(home string) Result {
	set := ""
	if v.settings != nil {
		set = v.settings.HomeRegion
	}
	region := string(v.cloud.Region)
	switch {
	case set != "" && set != home:
		return failed("homeRegion is %s, and the tenancy's is %s", set, home).do("pulumi config set homeRegion %s", home)
	case set == "" && home != region && v.settings != nil && v.settings.InHomeRegion(v.Project, v.Name):
		return failed("homeRegion is not set: only %s takes the stack's policies, dynamic group or budget", home).
			do("pulumi config set homeRegion %s", home)
	}
	return ok("home region %s", home)
}

// compartment checks the stack's compartment, even if other settings have problems.
func (v *visit) compartment(ctx context.Context) []Result {
	id := v.config[v.Project+":compartmentId"]
	if !strings.HasPrefix(id, "ocid1.") {
		return nil // the settings' check says so
	}
	var found struct{ Name, LifecycleState string }
	err := v.cloud.get(ctx, identity, "/compartments/"+id, nil, &found)
	switch {
	case ocirest.IsNotFound(err):
		return []Result{v.unseen("compartmentId", "compartment", id)}
	case err != nil:
		return []Result{unavailable("compartmentId", err)}
	case found.LifecycleState != "" && found.LifecycleState != "ACTIVE":
		return []Result{failed("compartmentId: compartment %s is %s", found.Name, found.LifecycleState).
			do("pulumi config set compartmentId <another one>, or restore it in the Console")}
	}
	v.compartmentID = id
	return []Result{ok("compartment %s", found.Name)}
}
