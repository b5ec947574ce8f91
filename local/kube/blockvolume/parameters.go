package blockvolume

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"oke-guestbook/local/kube/initialtags"
)

const (
	iscsi           = "iscsi"
	paravirtualized = "paravirtualized"
	defaultVPUs     = 10
	maxVPUs         = 120
	ultraHighVPUs   = 30 // from here on, "Ultra High Performance"
)

// parameters are those of a storage class that the driver knows. It ignores others.
type parameters struct {
	vpusPerGB      int
	attachmentType string // empty: iscsi
	kmsKeyID       string
	tags           initialtags.Tags
}

// parseParameters refuses the values that OKE's driver refuses. Some that it takes, Block Volume refuses.
func parseParameters(class map[string]string) (p parameters, err error) {
	p = parameters{vpusPerGB: defaultVPUs, kmsKeyID: class["kms-key-id"]}
	if v, ok := class["vpusPerGB"]; ok {
		if p.vpusPerGB, err = strconv.Atoi(v); err != nil || p.vpusPerGB < 0 || p.vpusPerGB > maxVPUs {
			return p, fmt.Errorf("vpusPerGB: %q must be from 0 to %d", v, maxVPUs)
		}
	}
	if v, ok := class["attachment-type"]; ok {
		if p.attachmentType = strings.ToLower(v); p.attachmentType != iscsi && p.attachmentType != paravirtualized {
			return p, fmt.Errorf("attachment-type: %q must be %s or %s", v, iscsi, paravirtualized)
		}
	}
	for key, tags := range map[string]any{"freeform": &p.tags.Freeform, "defined": &p.tags.Defined} {
		key = "oci.oraclecloud.com/initial-" + key + "-tags-override"
		if v := class[key]; v != "" {
			if err := json.Unmarshal([]byte(v), tags); err != nil {
				return p, fmt.Errorf("%s: %w", key, err)
			}
		}
	}
	return p, nil
}

// checkModes refuses the access modes that block volumes do not have: more than one node can attach only raw blocks.
func (p parameters) checkModes(claim *corev1.PersistentVolumeClaim) error {
	block := ptr.Deref(claim.Spec.VolumeMode, corev1.PersistentVolumeFilesystem) == corev1.PersistentVolumeBlock
	modes := []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce, corev1.ReadWriteOncePod}
	if block {
		modes = append(modes, corev1.ReadWriteMany)
	}
	for _, mode := range claim.Spec.AccessModes {
		if !slices.Contains(modes, mode) {
			return fmt.Errorf("a block volume does not support the access mode %s in the volume mode %s",
				mode, ptr.Deref(claim.Spec.VolumeMode, corev1.PersistentVolumeFilesystem))
		}
	}
	if block && p.vpusPerGB >= ultraHighVPUs {
		return fmt.Errorf("vpusPerGB: raw blocks are not supported from %d on", ultraHighVPUs)
	}
	return nil
}
