package engine_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/ocitest"
)

func TestRequestFaults(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		fault := `{"method":"POST","path":"/20160918/vcns","status":500,"code":"InternalError","message":"no","count":2}`
		if got := c.Admin("POST", "/admin/faults", fault); got != 204 {
			t.Fatal(got)
		}
		for i, want := range []int{500, 500, 200} {
			if got := c.Send("POST", ocitest.Core+"/vcns", vcnBody, nil).Status; got != want {
				t.Errorf("request %d: %d, want %d", i, got, want)
			}
		}
		for _, bad := range []string{`{"status":200}`, `{"stat":1}`, `{"path":"["}`, `{"probability":2}`} {
			if got := c.Admin("POST", "/admin/faults", bad); got != 400 {
				t.Errorf("%s: %d, want 400", bad, got)
			}
		}
		c.Admin("POST", "/admin/faults", `{"path":"/20160918/*","latencyMs":1500}`)
		began := time.Now()
		c.Want(200, "GET", ocitest.Core+"/vcns?compartmentId="+oci.CompartmentID, nil)
		if took := time.Since(began); took != 1500*time.Millisecond {
			t.Errorf("latency %s", took)
		}
		c.Admin("DELETE", "/admin/faults", "")
		r := httptest.NewRequest("GET", "/admin/inventory", nil)
		r.RemoteAddr = "10.1.2.3:1000"
		w := httptest.NewRecorder()
		if c.Server.ServeHTTP(w, r); w.Code != 403 {
			t.Errorf("admin path from elsewhere: %d", w.Code)
		}
	})
}
