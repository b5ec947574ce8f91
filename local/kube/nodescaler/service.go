package nodescaler

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/ociclient"
)

const okePath = "/20180222"

// configuration are the add-on's arguments that this package heeds (Oracle documentation, "Cluster Autoscaler",
// 2026-09-05).
type configuration struct {
	groups                  []group
	scaleDown               bool
	unneeded, delayAfterAdd time.Duration
}

// group are a node pool's bounds.
type group struct {
	min, max int
	id       string // OCID of the pool
}

// configuration reads that of the add-on, and whether it is installed.
func (s *Scaler) configuration(ctx context.Context) (config configuration, installed bool, err error) {
	var addon struct {
		State          string `json:"lifecycleState"`
		Configurations []struct{ Key, Value string }
	}
	path := okePath + "/clusters/" + s.Cluster.ID + "/addons/ClusterAutoscaler"
	_, err = s.OCI.Do(ctx, http.MethodGet, path, nil, nil, &addon)
	if ociclient.IsNotFound(err) || err == nil && addon.State != "ACTIVE" {
		return config, false, nil
	}
	if err != nil {
		return config, false, err
	}
	arguments := map[string]string{}
	for _, c := range addon.Configurations {
		arguments[c.Key] = c.Value
	}
	if arguments["authType"] != "workload" {
		return config, true, fmt.Errorf("authType: the local cloud knows workload only, not %q", arguments["authType"])
	}
	config.scaleDown = flag(arguments["scaleDownEnabled"], true)
	if config.unneeded, err = duration(arguments, "scaleDownUnneededTime"); err != nil {
		return config, true, err
	}
	if config.delayAfterAdd, err = duration(arguments, "scaleDownDelayAfterAdd"); err != nil {
		return config, true, err
	}
	config.groups, err = parseNodes(arguments["nodes"])
	return config, true, err
}

// duration reads an argument, whose default is ten minutes.
func duration(arguments map[string]string, key string) (time.Duration, error) {
	text := arguments[key]
	if text == "" {
		return 10 * time.Minute, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", key, err)
	}
	return d, nil
}

// parseNodes reads "1:3:ocid1.nodepool..., 0:5:ocid1.nodepool...".
func parseNodes(text string) (groups []group, err error) {
	for part := range strings.SplitSeq(text, ",") {
		fields := strings.Split(strings.TrimSpace(part), ":")
		if len(fields) != 3 {
			return nil, fmt.Errorf("nodes: %q is not <min>:<max>:<OCID of the node pool>", part)
		}
		g := group{id: fields[2]}
		if g.min, err = strconv.Atoi(fields[0]); err == nil {
			g.max, err = strconv.Atoi(fields[1])
		}
		if err != nil {
			return nil, fmt.Errorf("nodes: %q: %w", part, err)
		}
		groups = append(groups, g)
	}
	return groups, nil
}

// pool is a node pool in the REST API, with its bounds.
type pool struct {
	group
	ID      string `json:"id"`
	State   string `json:"lifecycleState"`
	Version string `json:"kubernetesVersion"`
	Shape   string `json:"nodeShape"`
	Size    struct {
		OCPUs    float64 `json:"ocpus"`
		MemoryGB float64 `json:"memoryInGBs"`
	} `json:"nodeShapeConfig"`
	Source struct {
		Name string `json:"sourceName"`
	} `json:"nodeSource"`
	Config struct {
		Size       int `json:"size"`
		Placements []struct {
			AvailabilityDomain string
			Preemptible        any `json:"preemptibleNodeConfig"`
		} `json:"placementConfigs"`
	} `json:"nodeConfigDetails"`
	Labels   []struct{ Key, Value string } `json:"initialNodeLabels"`
	Metadata struct {
		UserData string `json:"user_data"`
	} `json:"nodeMetadata"`
	Nodes []struct{ ID string } `json:"nodes"`
}

func (s *Scaler) pool(ctx context.Context, g group) (p pool, err error) {
	_, err = s.session.Do(ctx, http.MethodGet, okePath+"/nodePools/"+g.id, nil, nil, &p)
	p.group = g
	return p, err
}

// template returns what a new node of the pool will be, in the first of its availability domains.
func (p *pool) template() cloud.Node {
	userData, _ := base64.StdEncoding.DecodeString(p.Metadata.UserData)
	n := cloud.Node{
		InstanceID: "template", Name: "template", PoolID: p.ID, Version: p.Version, Shape: p.Shape, ImageName: p.Source.Name,
		OCPUs: p.Size.OCPUs, MemoryGB: p.Size.MemoryGB, RootGrown: true, BootVolumeGB: 50,
		Taints: cloud.Taints(string(userData)), Labels: map[string]string{}, FaultDomain: "FAULT-DOMAIN-1",
	}
	if len(p.Config.Placements) > 0 {
		first := p.Config.Placements[0]
		n.AvailabilityDomain = first.AvailabilityDomain
		if first.Preemptible != nil {
			n.Taints = append(n.Taints, cloud.PreemptibleTaint)
			n.Labels[cloud.PreemptibleKey] = "true"
		}
	}
	for _, label := range p.Labels {
		n.Labels[label.Key] = label.Value
	}
	return n
}

func (s *Scaler) resize(ctx context.Context, poolID string, size int) error {
	body := map[string]any{"nodeConfigDetails": map[string]any{"size": size}}
	_, err := s.session.Do(ctx, http.MethodPut, okePath+"/nodePools/"+poolID, nil, body, nil)
	return err
}

// remove deletes a node, and lowers the size of its pool.
func (s *Scaler) remove(ctx context.Context, poolID, nodeID string) error {
	_, err := s.session.Do(ctx, http.MethodDelete, okePath+"/nodePools/"+poolID+"/node/"+nodeID,
		url.Values{"isDecrementSize": {"true"}}, nil, nil)
	return err
}
