package containerengine

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"strings"
	"time"

	"oke-guestbook/local/oci/engine"
)

// workloadTokenLife is how long a workload's security token is valid. Oracle documents no time; the SDK renews it.
const workloadTokenLife = time.Hour

// registerWorkloads registers what clusters ask for the security token of a workload, whose Pod they have identified
// (Oracle, "Granting Workloads Access to OCI Resources"). Only enhanced clusters get one.
func (s *Service) registerWorkloads() {
	s.e.HandleUnsigned("POST /admin/clusters/{id}/workloadtokens", func(r *http.Request) (*engine.Answer, error) {
		var body struct{ Namespace, ServiceAccount, PodKey string }
		if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxReview)).Decode(&body); err != nil {
			return nil, engine.Invalid("body: %v", err)
		}
		id := r.PathValue("id")
		if err := s.e.View(func(t *engine.Tx) error {
			cluster, err := t.Named(clusterKind, id)
			if err == nil && cluster.Doc.Str("type") != "ENHANCED_CLUSTER" {
				err = engine.Fail(http.StatusForbidden, "NotAllowed", "the cluster is a basic one, without workload identity")
			}
			return err
		}); err != nil {
			return nil, err
		}
		key, err := publicKey(body.PodKey)
		if err != nil {
			return nil, err
		}
		workload := engine.Workload{ClusterID: id, Namespace: body.Namespace, ServiceAccount: body.ServiceAccount}
		token, err := s.e.IssueToken(engine.Principal{
			ID: workloadID(workload), Type: engine.WorkloadPrincipal, Workload: workload,
		}, key, workloadTokenLife)
		return &engine.Answer{Body: engine.Doc{"token": token}}, err
	})
}

func publicKey(text string) (*rsa.PublicKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, engine.Invalid("podKey: is not PEM")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	key, isRSA := parsed.(*rsa.PublicKey)
	if err != nil || !isRSA {
		return nil, engine.Invalid("podKey: is no RSA key")
	}
	return key, nil
}

// workloadID returns the OCID of a workload: the same for all of its Pods.
func workloadID(w engine.Workload) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{w.ClusterID, w.Namespace, w.ServiceAccount}, "/")))
	return "ocid1.workload.oc1.iad." + hex.EncodeToString(sum[:])[:60]
}
