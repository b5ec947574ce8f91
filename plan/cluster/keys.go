package cluster

import (
	"fmt"

	"oke-guestbook/plan/problem"
)

// Key is a key of Vault that a setting names.
type Key struct {
	Setting   string
	ID        string // OCID
	Algorithm string // that the use needs; empty: none is documented
}

// maxVerificationKeys is how many keys a cluster's policy for images has. They are asymmetric RSA keys (Oracle
// documentation, "Enforcing the Use of Signed Images from Registry", 2025-01-15; read 2026-11-29).
const maxVerificationKeys = 5

// validateKeys adds keys that settings name for uses which need keys of different algorithms.
func (s *Spec) validateKeys(list *problem.List) {
	seen := map[string]Key{}
	for _, k := range s.Keys() {
		first, twice := seen[k.ID]
		if twice && k.Algorithm != "" && first.Algorithm != k.Algorithm {
			list.Add(k.Setting, "is the key of %s too, which is an %s key, and an %s key is needed here", first.Setting,
				first.Algorithm, k.Algorithm).DependsOn(first.Setting)
		} else if k.Algorithm != "" {
			seen[k.ID] = k
		}
	}
}

// Keys returns the keys that the settings name. Boot volumes are encrypted by AES keys only (Oracle documentation,
// "Creating a Managed Node Pool", read 2026-11-29).
func (s *Spec) Keys() (keys []Key) {
	if s.KMSKeyID != "" {
		keys = append(keys, Key{"kmsKeyId", s.KMSKeyID, ""})
	}
	for i, id := range s.ImageKeys {
		keys = append(keys, Key{fmt.Sprintf("imageVerificationKeys[%d]", i), id, "RSA"})
	}
	for i, p := range s.NodePools {
		if p.BootVolumeKMSKeyID != "" {
			keys = append(keys, Key{fmt.Sprintf("nodePools[%d].bootVolumeKmsKeyId", i), p.BootVolumeKMSKeyID, "AES"})
		}
	}
	return keys
}
