package blockvolume

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// TestParseParameters checks values that OKE's driver refuses, and similar ones that it accepts.
func TestParseParameters(t *testing.T) {
	for key, values := range map[string]struct{ refused, accepted []string }{
		"vpusPerGB":       {[]string{"", "-1", "121", "fast"}, []string{"0", "20", "120"}},
		"attachment-type": {[]string{"", "nvme"}, []string{"iscsi", "ISCSI", "paravirtualized"}},
		"oci.oraclecloud.com/initial-freeform-tags-override": {[]string{"a=b", `{"a":1}`}, []string{"", `{"a":"b"}`}},
		"oci.oraclecloud.com/initial-defined-tags-override":  {[]string{`{"a":"b"}`}, []string{"", `{"n":{"a":"b"}}`}},
		"kms-key-id": {nil, []string{"", "key"}},
		"another":    {nil, []string{"anything"}},
	} {
		check := func(v string, refused bool) {
			_, err := parseParameters(map[string]string{key: v})
			if (err != nil) != refused || err != nil && !strings.Contains(err.Error(), key) {
				t.Errorf("%s %q: error %v, want one: %t", key, v, err, refused)
			}
		}
		for _, v := range values.refused {
			check(v, true)
		}
		for _, v := range values.accepted {
			check(v, false)
		}
	}
}

func TestCheckModes(t *testing.T) {
	const files, block = corev1.PersistentVolumeFilesystem, corev1.PersistentVolumeBlock
	for name, test := range map[string]struct {
		volume  corev1.PersistentVolumeMode
		access  corev1.PersistentVolumeAccessMode
		vpus    int
		refused bool
	}{
		"one node":                {files, corev1.ReadWriteOnce, 120, false},
		"one Pod":                 {files, corev1.ReadWriteOncePod, 10, false},
		"files on many nodes":     {files, corev1.ReadWriteMany, 10, true},
		"files read on many":      {files, corev1.ReadOnlyMany, 10, true},
		"blocks on many nodes":    {block, corev1.ReadWriteMany, 20, false},
		"blocks read on many":     {block, corev1.ReadOnlyMany, 20, true},
		"ultra high performance":  {block, corev1.ReadWriteOnce, 30, true},
		"highest below for block": {block, corev1.ReadWriteOnce, 29, false},
	} {
		t.Run(name, func(t *testing.T) {
			claim := &corev1.PersistentVolumeClaim{Spec: corev1.PersistentVolumeClaimSpec{
				VolumeMode: &test.volume, AccessModes: []corev1.PersistentVolumeAccessMode{test.access},
			}}
			if err := (parameters{vpusPerGB: test.vpus}).checkModes(claim); (err != nil) != test.refused {
				t.Errorf("error %v, want one: %t", err, test.refused)
			}
		})
	}
}
