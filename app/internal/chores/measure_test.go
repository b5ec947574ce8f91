package chores

import (
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"oke-guestbook/app/internal/apptest"
	"oke-guestbook/app/internal/config"
	"oke-guestbook/app/internal/front"
	"oke-guestbook/app/internal/store"
)

// monitor is a service that takes metrics.
type monitor struct {
	*httptest.Server
	values map[string]float64
	status int
}

func newMonitor(t *testing.T) *monitor {
	m := &monitor{values: map[string]float64{}, status: http.StatusOK}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(m.status)
		var body struct {
			MetricData []struct {
				Namespace, CompartmentID, Name string
				Dimensions                     map[string]string
				Datapoints                     []struct{ Value float64 }
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.URL.Path != "/20180401/metrics" {
			t.Errorf("%s: %v", r.URL, err)
		}
		for _, d := range body.MetricData {
			if d.Namespace != "guestbook" || d.CompartmentID != "ocid1.compartment.oc1..c" ||
				!maps.Equal(d.Dimensions, map[string]string{"stack": "s", "guestbook": "g"}) {
				t.Errorf("metric %+v", d)
			}
			m.values[d.Name] = d.Datapoints[0].Value
		}
		_, _ = w.Write([]byte(`{"failedMetricsCount":0}`))
	}))
	t.Cleanup(m.Close)
	return m
}

// certificates is a Certificates service that has one certificate.
type certificates struct {
	*httptest.Server
	status           int
	expires, deleted time.Time // zero: never
}

func newCertificates(t *testing.T, id string) *certificates {
	c := &certificates{status: http.StatusOK}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/20210224/certificates/"+id {
			t.Errorf("the Certificates service is asked for %s", r.URL)
		}
		body := map[string]any{"id": id, "code": "NotAuthorizedOrNotFound", "message": "refused"}
		if !c.expires.IsZero() {
			body["currentVersion"] = map[string]any{"validity": map[string]any{"timeOfValidityNotAfter": c.expires}}
		}
		if !c.deleted.IsZero() {
			body["timeOfDeletion"] = c.deleted
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(c.status)
		_ = json.NewEncoder(w).Encode(body)
	}))
	t.Cleanup(c.Close)
	return c
}

func TestMeasure(t *testing.T) {
	db := apptest.StartDB(t)
	frontend, service := http.StatusOK, newMonitor(t)
	pages := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(frontend) }))
	t.Cleanup(pages.Close)
	cfg := config.Measure{
		Mongo: config.Mongo{MongoURI: db.URI, MongoDatabase: "guestbook", MongoTimeout: 5 * time.Second},
		Stack: "s", Guestbook: "g", CompartmentID: "ocid1.compartment.oc1..c", FrontendURL: pages.URL,
		CertificateExpires: time.Now().Add(48 * time.Hour), BackupInterval: 24 * time.Hour, Auth: "config_file",
		ConfigFile: apptest.StartObjectStore(t).ConfigFile, ConfigProfile: "DEFAULT", Endpoint: service.URL,
	}
	post := func() map[string]float64 {
		t.Helper()
		clear(service.values)
		if err := Measure(t.Context(), cfg, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
		return service.values
	}
	near := func(got map[string]float64, name string, want float64) {
		t.Helper()
		if value, ok := got[name]; !ok || value < want-0.01 || value > want+0.01 {
			t.Errorf("%s is %v in %v, want %v", name, value, got, want)
		}
	}

	got := post()
	near(got, frontendReady, 1)
	near(got, databasePrimary, 1)
	near(got, certificateUntil, 2)
	if _, ok := got[backupsMissed]; ok {
		t.Errorf("a value for backups without one: %v", got)
	}
	client, err := store.Connect(store.Config{URI: db.URI, Timeout: 5 * time.Second, Connections: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer disconnect(client)
	record := store.Backup{Name: "a", At: time.Now().Add(-60 * time.Hour)}
	if err := store.RecordBackup(t.Context(), client.Database("guestbook"), record); err != nil {
		t.Fatal(err)
	}
	near(post(), backupsMissed, 2.5)

	cfg.CertificateExpires, cfg.ACMEDirectory, cfg.TLSHost = time.Time{}, "https://acme.example.com/dir", "a.example.com"
	near(post(), certificateUntil, 0)
	secure := httptest.NewTLSServer(nil)
	t.Cleanup(secure.Close)
	leaf := secure.Certificate()
	if _, err := client.Database("guestbook").Collection(store.Certificates).InsertOne(t.Context(), bson.D{
		{Key: "_id", Value: "certificates/acme.example.com-dir/a.example.com/a.example.com.crt"},
		{Key: "value", Value: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw})},
	}); err != nil {
		t.Fatal(err)
	}
	near(post(), certificateUntil, time.Until(leaf.NotAfter).Hours()/24)

	cfg.ACMEDirectory, cfg.CertificateID = "", "ocid1.certificate.oc1.iad.c"
	certificates := newCertificates(t, cfg.CertificateID)
	cfg.CertificatesEndpoint = certificates.URL
	certificates.expires = time.Now().Add(48 * time.Hour)
	near(post(), certificateUntil, 2)
	certificates.expires = time.Now().Add(90 * 24 * time.Hour) // renewed
	near(post(), certificateUntil, 90)
	certificates.deleted = time.Now().Add(12 * time.Hour)
	near(post(), certificateUntil, 0.5)
	certificates.expires = time.Time{}
	if _, ok := post()[certificateUntil]; ok {
		t.Error("a value for a certificate without a version")
	}
	certificates.status = http.StatusInternalServerError
	if _, ok := post()[certificateUntil]; ok {
		t.Error("a value of a service that fails")
	}
	certificates.status = http.StatusNotFound
	near(post(), certificateUntil, 0)

	cfg.CertificateID, cfg.CertificateExpires = "", time.Now().Add(48*time.Hour)
	frontend = http.StatusServiceUnavailable
	cfg.MongoURI, cfg.MongoTimeout = "mongodb://127.0.0.1:1", 200*time.Millisecond
	got = post()
	near(got, frontendReady, 0)
	near(got, databasePrimary, 0)
	if names := slices.Sorted(maps.Keys(got)); len(names) != 3 {
		t.Errorf("without a database: %v", names)
	}

	service.status = http.StatusNotFound
	if err := Measure(t.Context(), cfg, slog.New(slog.DiscardHandler)); err == nil ||
		!strings.Contains(err.Error(), "post metrics") {
		t.Errorf("a service that refuses: %v", err)
	}
}

// A wrong password is a database that cannot be used, and its metric is posted.
func TestMeasureWithAWrongPassword(t *testing.T) {
	set, service := startSet(t, 1, 1), newMonitor(t)
	nobody := "http://" + apptest.FreeAddress(t)
	for text, want := range map[string]float64{"of-root": 1, "of-nobody": 0} {
		cfg := config.Measure{
			Mongo: set.settings(1).Mongo, Stack: "s", Guestbook: "g", CompartmentID: "ocid1.compartment.oc1..c",
			FrontendURL: nobody, Auth: "config_file", ConfigFile: apptest.StartObjectStore(t).ConfigFile,
			ConfigProfile: "DEFAULT", Endpoint: service.URL,
		}
		cfg.MongoUser, cfg.MongoPassFile = "root", password(t, text)
		log := &apptest.Buffer{}
		if err := Measure(t.Context(), cfg, slog.New(slog.NewTextHandler(log, nil))); err != nil {
			t.Fatal(err)
		}
		if got, ok := service.values[databasePrimary]; !ok || got != want || strings.Contains(log.String(), text) {
			t.Errorf("%s is %v with password %s, want %v:\n%s", databasePrimary, got, text, want, log)
		}
	}
}

// TestMeasuredVolume expects the part of the file system that MongoDB says is used.
func TestMeasuredVolume(t *testing.T) {
	db := apptest.StartDB(t)
	address := strings.Trim(strings.TrimPrefix(db.URI, "mongodb://"), "/")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	server := &front.Server{
		Dial: func() (net.Conn, error) { return net.Dial("tcp", address) },
		Amend: func(_ *front.Client, name string) bson.D {
			if name != "dbStats" {
				return nil
			}
			return bson.D{{Key: "fsUsedSize", Value: 43.0}, {Key: "fsTotalSize", Value: 50.0}}
		},
	}
	go func() { _ = server.Serve(l) }()
	client, err := store.Connect(store.Config{
		URI: "mongodb://" + l.Addr().String(), Timeout: 5 * time.Second, Connections: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer disconnect(client)
	values := map[string]float64{}
	if err := readVolume(t.Context(), client.Database("guestbook"), values); err != nil || values[volumeUsed] != 86 {
		t.Errorf("%v, %v, want 86 percent", values, err)
	}
}
