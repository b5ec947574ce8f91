package limits_test

import (
	"net/http"
	"testing"
	"time"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

const (
	base   = "/20190729"
	ofRoot = "?compartmentId=" + oci.TenancyID
)

func left(c *ocitest.Cloud, service, name, query string) (used, free float64) {
	c.T.Helper()
	reply := c.Want(200, "GET", base+"/services/"+service+"/limits/"+name+"/resourceAvailability"+ofRoot+query, nil)
	c.Conforms("limits.ResourceAvailability", reply.Body)
	return reply.Object().Num("used"), reply.Object().Num("available")
}

func TestLists(t *testing.T) {
	ocitest.Run(t, oci.Config{Limits: map[string]int{"vcn": 7, "standard-a1-core-count": 4}}, func(c *ocitest.Cloud) {
		for model, path := range map[string]string{
			"limits.ServiceSummary":         "/services",
			"limits.LimitDefinitionSummary": "/limitDefinitions",
		} {
			items := c.GetList(base + path + ofRoot)
			if len(items) == 0 {
				t.Errorf("%s: empty", path)
			}
			for _, item := range items {
				c.Conforms(model, item)
			}
		}
		values := c.GetList(base + "/limitValues" + ofRoot + "&serviceName=vcn&name=vcn-count")
		if len(values) != 1 || values[0].Num("value") != 7 || values[0]["scopeType"] != "REGION" {
			t.Errorf("VCNs: %v", values)
		}
		cores := c.GetList(base + "/limitValues" + ofRoot + "&serviceName=compute&name=standard-a1-core-count")
		if len(cores) != 3 || cores[1].Num("value") != 4 || cores[1]["availabilityDomain"] != oci.AvailabilityDomains[1] {
			t.Errorf("cores: %v", cores)
		}
		c.Conforms("limits.LimitValueSummary", cores[0])
		c.Refused(400, "MissingParameter", "serviceName", "GET", base+"/limitValues"+ofRoot, nil)
		c.Refused(400, "InvalidParameter", "compartmentId", "GET",
			base+"/limitValues?serviceName=vcn&compartmentId="+oci.CompartmentID, nil)
		c.Refused(400, "InvalidParameter", "availabilityDomain", "GET",
			base+"/services/compute/limits/standard-a1-core-count/resourceAvailability"+ofRoot, nil)
		c.Refused(404, "NotAuthorizedOrNotFound", "x", "GET", base+"/services/vcn/limits/x/resourceAvailability"+ofRoot, nil)
	})
}

func TestWhatIsUsedIsRefusedBeyondTheLimit(t *testing.T) {
	config := oci.Config{Limits: map[string]int{"vcn": 1, "nat-gateway-count": 0, "total-storage-gb": 120}}
	ocitest.Run(t, config, func(c *ocitest.Cloud) {
		if used, free := left(c, "vcn", "vcn-count", ""); used != 0 || free != 1 {
			t.Errorf("VCNs: %v used, %v left", used, free)
		}
		vcn := c.Create("vcns", engine.Doc{"cidrBlocks": []any{"10.0.0.0/16"}})
		if used, free := left(c, "vcn", "vcn-count", ""); used != 1 || free != 0 {
			t.Errorf("VCNs: %v used, %v left", used, free)
		}
		c.Refused(400, "LimitExceeded", "nat-gateway-count", "POST", ocitest.Core+"/natGateways",
			engine.Doc{"compartmentId": oci.CompartmentID, "vcnId": vcn["id"]})

		volume := engine.Doc{"availabilityDomain": oci.AvailabilityDomains[0], "sizeInGBs": 70}
		c.Create("volumes", volume)
		first := "&availabilityDomain=" + oci.AvailabilityDomains[0]
		if used, free := left(c, "block-storage", "total-storage-gb", first); used != 70 || free != 50 {
			t.Errorf("storage: %v used, %v left", used, free)
		}
		volume["compartmentId"] = oci.CompartmentID
		c.Refused(400, "LimitExceeded", "total-storage-gb", "POST", ocitest.Core+"/volumes", volume)
		volume["availabilityDomain"] = oci.AvailabilityDomains[1]
		c.Want(200, "POST", ocitest.Core+"/volumes", volume)
	})
}

func TestCapacityReports(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		ask := engine.Doc{
			"compartmentId": oci.TenancyID, "availabilityDomain": oci.AvailabilityDomains[0],
			"shapeAvailabilities": []any{
				engine.Doc{
					"instanceShape": "VM.Standard.A1.Flex", "instanceShapeConfig": engine.Doc{"ocpus": 2, "memoryInGBs": 12},
				},
				engine.Doc{"instanceShape": "VM.Standard.X9"},
			},
		}
		report := func() (statuses [2]any) {
			reply := c.Want(200, "POST", ocitest.Core+"/computeCapacityReports", ask)
			c.Conforms("core.ComputeCapacityReport", reply.Body)
			for i, shape := range reply.Object().Objects("shapeAvailabilities") {
				statuses[i] = shape["availabilityStatus"]
			}
			return statuses
		}
		if got := report(); got != [2]any{"AVAILABLE", "HARDWARE_NOT_SUPPORTED"} {
			t.Error(got)
		}
		c.Admin("POST", "/admin/faults", `{"workRequest":"LAUNCH_INSTANCE","count":1}`)
		if got := report(); got[0] != "OUT_OF_HOST_CAPACITY" {
			t.Error(got)
		}
		c.Admin("DELETE", "/admin/faults", "")
		c.Admin("POST", "/admin/faults",
			`{"workRequest":"LAUNCH_INSTANCE","availabilityDomain":"`+oci.AvailabilityDomains[1]+`"}`)
		if got := report(); got[0] != "AVAILABLE" {
			t.Errorf("without capacity in another domain: %v", got)
		}
		ask["availabilityDomain"] = oci.AvailabilityDomains[1]
		if got := report(); got[0] != "OUT_OF_HOST_CAPACITY" {
			t.Error(got)
		}
		ask["compartmentId"] = oci.CompartmentID
		c.Refused(400, "InvalidParameter", "root", "POST", ocitest.Core+"/computeCapacityReports", ask)
	})
}

func TestClockSkew(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		for seconds, want := range map[string]int{"-600": 401, "-60": 200, "60": 200, "600": 401} {
			c.Admin("POST", "/admin/faults", `{"skewSeconds":`+seconds+`,"count":1}`)
			reply := c.Send("GET", ocitest.Core+"/vcns?compartmentId="+oci.CompartmentID, nil, nil)
			off, _ := time.ParseDuration(seconds + "s")
			date, err := http.ParseTime(reply.Header.Get("Date"))
			if reply.Status != want || err != nil || time.Until(date).Round(time.Second) != off {
				t.Errorf("%s: status %d, date %v", seconds, reply.Status, reply.Header.Get("Date"))
			}
		}
	})
}
