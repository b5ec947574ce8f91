package certificates_test

import (
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/util/cert"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

const path = ocitest.Certificates + "/certificates"

// pair returns an imported certificate's configuration.
func pair(t *testing.T, host string) engine.Doc {
	t.Helper()
	certificate, key, err := cert.GenerateSelfSignedCertKey(host, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return engine.Doc{
		"configType": "IMPORTED", "certificatePem": string(certificate), "certChainPem": string(certificate),
		"privateKeyPem": string(key),
	}
}

func TestCertificates(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		body := engine.Doc{
			"compartmentId": oci.CompartmentID, "name": "page", "certificateConfig": pair(t, "guestbook.example.com"),
		}
		other := pair(t, "other.example.com")
		c.Refused(400, "InvalidParameter", "name", "POST", path, ocitest.Changed(body, "name", "two words"))
		c.Refused(400, "InvalidParameter", "private key does not match", "POST", path,
			ocitest.Changed(body, "certificateConfig", engine.Doc{
				"configType": "IMPORTED", "certificatePem": other["certificatePem"], "certChainPem": "",
				"privateKeyPem": pair(t, "a.example")["privateKeyPem"],
			}))
		id := c.Want(200, "POST", path, body).Object().Str("id")
		c.Refused(409, "Conflict", "has the name", "POST", path, body)
		c.Sleep(time.Minute)
		got := c.Get(path + "/" + id)
		c.Conforms("certificatesmanagement.Certificate", got)
		names := got.Objects("currentVersion", "subjectAlternativeNames")
		if len(names) == 0 || names[0]["value"] != "guestbook.example.com" || got["lifecycleState"] != "ACTIVE" ||
			got["configType"] != "IMPORTED" || got.Str("currentVersion", "validity", "timeOfValidityNotAfter") == "" {
			t.Errorf("certificate %v", got)
		}
		if got["privateKeyPem"] != nil || got["certificateConfig"] != nil {
			t.Errorf("the answer shows %v", got)
		}
		c.Want(200, "PUT", path+"/"+id, engine.Doc{"certificateConfig": other})
		if n := c.Get(path+"/"+id).Num("currentVersion", "versionNumber"); n != 2 {
			t.Errorf("current version %v after a renewal", n)
		}
		c.Want(204, "POST", path+"/"+id+"/actions/scheduleDeletion", engine.Doc{})
		if state := c.Get(path + "/" + id)["lifecycleState"]; state != "PENDING_DELETION" {
			t.Errorf("state %v", state)
		}
		c.Refused(409, "IncorrectState", "PENDING_DELETION", "PUT", path+"/"+id, engine.Doc{"certificateConfig": other})
	})
}

// TestWorkloadsReadCertificates expects a workload to see the certificate of its statement, and no other.
func TestWorkloadsReadCertificates(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		made := func(name string) string {
			return path + "/" + c.Want(200, "POST", path, engine.Doc{
				"compartmentId": oci.CompartmentID, "name": name, "certificateConfig": pair(t, name+".example.com"),
			}).Object().Str("id")
		}
		own, other := made("own"), made("other")
		job := c.As(engine.Principal{
			ID: "ocid1.workload.oc1.iad.job", Type: engine.WorkloadPrincipal,
			Workload: engine.Workload{ClusterID: "ocid1.cluster.oc1.iad.k", Namespace: "guestbook", ServiceAccount: "measure"},
		})
		job.Refused(404, "NotAuthorizedOrNotFound", "", "GET", own, nil)
		c.Want(200, "POST", ocitest.Core+"/policies", engine.Doc{
			"compartmentId": oci.CompartmentID, "name": "measure", "description": "x", "statements": []any{
				"Allow any-user to read leaf-certificates in compartment id " + oci.CompartmentID + " where all {" +
					"request.principal.type = 'workload', request.principal.service_account = 'measure', " +
					"target.leaf-certificate.id = '" + strings.TrimPrefix(own, path+"/") + "'}",
			},
		})
		c.Sleep(time.Minute)
		if seen := job.Get(own); seen.Str("currentVersion", "validity", "timeOfValidityNotAfter") == "" {
			t.Errorf("certificate %v", seen)
		}
		job.Refused(404, "NotAuthorizedOrNotFound", "", "GET", other, nil)
		job.Refused(404, "NotAuthorizedOrNotFound", "", "GET", path+"?compartmentId="+oci.CompartmentID, nil)
	})
}
