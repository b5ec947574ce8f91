package kube

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/clock"
	"sigs.k8s.io/kwok/pkg/apis/internalversion"
	"sigs.k8s.io/kwok/pkg/apis/v1alpha1"
	"sigs.k8s.io/kwok/pkg/kwok/controllers"
	kwoklog "sigs.k8s.io/kwok/pkg/log"
	"sigs.k8s.io/kwok/pkg/utils/gotpl"

	"oke-guestbook/local/kube/servicelb"
	"oke-guestbook/local/supervise"
)

var (
	//go:embed stages/node.yaml
	nodeStages string
	//go:embed stages/pod.yaml
	podStages string
)

// imagesQualified is a jq expression: whether each image of a Pod names its registry.
const imagesQualified = `[.spec.initContainers[]?, .spec.containers[] | .image | split("/") |` +
	` length > 1 and (.[0] | test("[.:]|^localhost$"))] | all`

// imagesPulled is a jq expression: whether the images of a Pod that are of one of HOSTS have been pulled, which package
// imagepull does.
const imagesPulled = `[.status.initContainerStatuses[]?, .status.containerStatuses[]? |` +
	` select((.image | split("/")[0]) as $h | HOSTS | any(. == $h)) | .imageID != ""] | all`

// startKwok starts kwok's controllers, which play the kubelets of all nodes, or of the virtual ones where others run.
func (c *cluster) startKwok(pods *podAddresses) error {
	var registry []string
	virtualOnly := ""
	if c.cfg.DataPlane != nil {
		virtualOnly = servicelb.VirtualNodeLabel
	} else if c.cfg.OCIEndpoint != "" {
		registry = RegistryHosts(c.cfg.Region)
	}
	stages, err := loadStages(c.cfg.Speed, shortNamesRefused(c.state.Cluster.Version), registry)
	if err != nil {
		return err
	}
	log, err := supervise.OpenLog(filepath.Join(c.dir, "logs", "kwok.log"))
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(c.rest)
	if err != nil {
		return err
	}
	controller, err := controllers.NewController(controllers.Config{
		Clock:                        clock.RealClock{},
		RESTClient:                   client.Discovery().RESTClient(),
		TypedClient:                  client,
		ManageAllNodes:               virtualOnly == "",
		ManageNodesWithLabelSelector: virtualOnly,
		CIDR:                         pods.fallback.String(),
		LocalStages:                  stages,
		PodPlayStageParallelism:      8,
		NodePlayStageParallelism:     4,
		NodeLeaseParallelism:         2,
		NodeLeaseDurationSeconds:     40,
		PodsOnNodeSyncParallelism:    2,
		// The same holder as before a restart: another one would have to wait until the leases expire.
		ID:      "localcloudd",
		FuncMap: gotpl.FuncMap{"PodIPs": pods.podIPs},
	})
	if err != nil {
		return err
	}
	ctx := kwoklog.NewContext(c.ctx, kwoklog.NewLogger(log, kwoklog.LevelInfo))
	if err := controller.Start(ctx); err != nil {
		return err
	}
	c.controllers.Go(func() {
		<-c.ctx.Done()
		_ = log.Sync()
	})
	return nil
}

type stagesByKind = map[internalversion.StageResourceRef][]*internalversion.Stage

// loadStages fills in the placeholders of the embedded stages and parses them. registry are the hosts whose images are
// pulled before a Pod runs.
func loadStages(speed float64, refuseShortNames bool, registry []string) (stagesByKind, error) {
	hosts, err := json.Marshal(append([]string{}, registry...))
	if err != nil {
		return nil, err
	}
	images := imagesQualified
	if !refuseShortNames {
		images = "true"
	}
	text := strings.NewReplacer(
		"QUALIFIED", images,
		"PULLED", strings.ReplaceAll(imagesPulled, "HOSTS", string(hosts)),
		"SPEED", strconv.FormatFloat(speed, 'f', -1, 64),
	).Replace(nodeStages + "\n---\n" + podStages)
	stages := stagesByKind{}
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader([]byte(text)), 4096)
	for {
		var external v1alpha1.Stage
		if err := decoder.Decode(&external); errors.Is(err, io.EOF) {
			return stages, nil
		} else if err != nil {
			return nil, fmt.Errorf("stages: %w", err)
		}
		stage, err := internalversion.ConvertToInternalStage(&external)
		if err != nil {
			return nil, fmt.Errorf("stage %s: %w", external.Name, err)
		}
		ref := stage.Spec.ResourceRef
		stages[ref] = append(stages[ref], stage)
	}
}
