package sdktest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oracle/oci-go-sdk/v65/certificatesmanagement"
	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/identity"
	"github.com/oracle/oci-go-sdk/v65/objectstorage"
	"k8s.io/client-go/util/cert"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
)

// TestGuestbookBackups runs the guestbook's binary, as the stack's jobs do, with a bucket of the emulator and with the
// database that `make run-app` starts: from an entry on the page to a backup and back to the page.
func TestGuestbookBackups(t *testing.T) {
	dir := t.TempDir()
	srv, err := oci.New(oci.Config{Dir: dir, Speed: 2000, ControlPlane: plane{}})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	web := httptest.NewServer(srv)
	defer web.Close()
	g := startGuestbook(t, append(os.Environ(),
		"OCI_AUTH=config_file", "OCI_CONFIG_FILE="+filepath.Join(dir, oci.ConfigFile), "OBJECT_STORAGE_ENDPOINT="+web.URL,
		"BACKUP_NAMESPACE="+oci.Namespace, "BACKUP_BUCKET=backups", "BACKUP_TIMEOUT=1s"))

	if out, err := g.run("backup"); err == nil || !strings.Contains(out, "bucket backups in namespace "+oci.Namespace) {
		t.Errorf("backup without a bucket: %v\n%s", err, out)
	}
	objects := bucketClient(t, filepath.Join(dir, oci.ConfigFile), web.URL)
	g.sign("saved")
	if out, err := g.run("backup"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	list := must[objectstorage.ListObjectsResponse](t)(objects.ListObjects(ctx, objectstorage.ListObjectsRequest{
		NamespaceName: common.String(oci.Namespace), BucketName: common.String("backups"),
	})).Objects
	if len(list) != 1 {
		t.Fatalf("the bucket has %v, want one backup", list)
	}
	g.sign("written later")
	for range 2 {
		if out, err := g.run("restore", *list[0].Name); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		until(t, "saved", func() (string, error) {
			switch page := g.page(); {
			case strings.Contains(page, "written later"): // the page is cached for a second
				return "written later", nil
			case strings.Contains(page, "saved"):
				return "saved", nil
			}
			return "neither", nil
		})
	}
	testLatePolicy(t, g, srv, filepath.Join(dir, oci.ConfigFile), web.URL, *list[0].Name)
	testLargeBackup(t, g, objects)
	testMeasuredCertificate(t, g, filepath.Join(dir, oci.ConfigFile), web.URL)
	if out, err := g.run("restore", "missing"); err == nil || !strings.Contains(out, *list[0].Name) {
		t.Errorf("restore of a missing backup: %v\n%s", err, out)
	}
}

// testLatePolicy restores with the rights of the backup jobs' account, which get their policy while the job waits.
func testLatePolicy(t *testing.T, g *runningGuestbook, srv *oci.Server, configFile, url, backup string) {
	t.Helper()
	key := must[*rsa.PrivateKey](t)(rsa.GenerateKey(rand.Reader, 2048))
	token := must[string](t)(srv.IssueToken(engine.Principal{
		ID: "ocid1.workload.oc1.iad.backup", Type: engine.WorkloadPrincipal,
		Workload: engine.Workload{ClusterID: "ocid1.cluster.oc1.iad.k", Namespace: "guestbook", ServiceAccount: "backup"},
	}, &key.PublicKey, time.Hour))
	dir := t.TempDir()
	for name, text := range map[string]string{
		"token": token,
		"key": string(pem.EncodeToMemory(&pem.Block{
			Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key),
		})),
		"config": "[DEFAULT]\ntenancy=" + oci.TenancyID + "\nregion=us-ashburn-1\nfingerprint=aa:bb\nkey_file=" + dir +
			"/key\nsecurity_token_file=" + dir + "/token\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	job := exec.CommandContext(t.Context(), g.binary, "restore", backup)
	job.Env = append(slices.Clone(g.env), "OCI_CONFIG_FILE="+dir+"/config", "BACKUP_TIMEOUT=1m")
	job.Stdout, job.Stderr = log, log
	if err := job.Start(); err != nil {
		t.Fatal(err)
	}
	said := func() string {
		text, _ := os.ReadFile(log.Name())
		return string(text)
	}
	until(t, "waits", func() (string, error) {
		if strings.Contains(said(), "no policy allows the access") {
			return "waits", nil
		}
		return said(), nil
	})
	config := must[common.ConfigurationProvider](t)(common.ConfigurationProviderFromFile(configFile, ""))
	client := must[identity.IdentityClient](t)(identity.NewIdentityClientWithConfigurationProvider(config))
	client.Host = url
	must[identity.CreatePolicyResponse](t)(client.CreatePolicy(ctx, identity.CreatePolicyRequest{
		CreatePolicyDetails: identity.CreatePolicyDetails{
			CompartmentId: common.String(oci.CompartmentID), Name: common.String("late"), Description: common.String("late"),
			Statements: []string{"Allow any-user to read objects in compartment id " + oci.CompartmentID + " where all {" +
				"request.principal.type = 'workload', request.principal.service_account = 'backup', " +
				"target.bucket.name = 'backups'}"},
		},
	}))
	if err := job.Wait(); err != nil || !strings.Contains(said(), `"restored"`) {
		t.Errorf("restore with a policy that comes late: %v\n%s", err, said())
	}
}

// daysLeft finds a metric in what "guestbook measure" prints.
var daysLeft = regexp.MustCompile(`CertificateDaysLeft"?:(\d+)`)

// testMeasuredCertificate posts how many days a certificate of the Certificates service has left: until it expires,
// until it is deleted, and when there is none.
func testMeasuredCertificate(t *testing.T, g *runningGuestbook, configFile, url string) {
	t.Helper()
	config := must[common.ConfigurationProvider](t)(common.ConfigurationProviderFromFile(configFile, ""))
	client := must[certificatesmanagement.CertificatesManagementClient](t)(
		certificatesmanagement.NewCertificatesManagementClientWithConfigurationProvider(config))
	client.Host = url
	chain, key, err := cert.GenerateSelfSignedCertKey("guestbook.example.com", nil, nil) // for a year
	if err != nil {
		t.Fatal(err)
	}
	details := certificatesmanagement.CreateCertificateDetails{
		Name: common.String("page"), CompartmentId: common.String(oci.CompartmentID),
		CertificateConfig: certificatesmanagement.CreateCertificateByImportingConfigDetails{
			CertificatePem: common.String(string(chain)), CertChainPem: common.String(string(chain)),
			PrivateKeyPem: common.String(string(key)),
		},
	}
	id := must[certificatesmanagement.CreateCertificateResponse](t)(client.CreateCertificate(ctx,
		certificatesmanagement.CreateCertificateRequest{CreateCertificateDetails: details})).Id
	measured := func(id string, want ...string) {
		t.Helper()
		job := *g
		job.env = slices.Concat(g.env, []string{
			"METRIC_STACK=s", "METRIC_GUESTBOOK=g", "METRIC_COMPARTMENT=" + oci.CompartmentID,
			"FRONTEND_URL=" + g.url + "/readyz", "MONITORING_ENDPOINT=" + url, "CERTIFICATES_ENDPOINT=" + url,
			"CERTIFICATE_ID=" + id,
		})
		out, err := job.run("measure")
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if found := daysLeft.FindStringSubmatch(out); found == nil || !slices.Contains(want, found[1]) {
			t.Errorf("days left: %q, want %v\n%s", found, want, out)
		}
	}
	measured(*id, "364", "365")
	until(t, "deleted", func() (string, error) {
		_, err := client.ScheduleCertificateDeletion(ctx, certificatesmanagement.ScheduleCertificateDeletionRequest{
			CertificateId: id,
		})
		if err != nil { // it is being created
			return err.Error(), nil
		}
		return "deleted", nil
	})
	measured(*id, "29")
	measured("ocid1.certificate.oc1.iad.none", "0")
}

// testLargeBackup makes a backup that is uploaded in parts, because it has more than 16 MiB, and restores it.
func testLargeBackup(t *testing.T, g *runningGuestbook, objects objectstorage.ObjectStorageClient) {
	t.Helper()
	for i := range 20 {
		g.insert("ballast", i, 1<<20)
	}
	if out, err := g.run("backup"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	list := must[objectstorage.ListObjectsResponse](t)(objects.ListObjects(ctx, objectstorage.ListObjectsRequest{
		NamespaceName: common.String(oci.Namespace), BucketName: common.String("backups"),
		Fields: common.String("name,size"),
	})).Objects
	large := list[len(list)-1] // the names are times
	head := must[objectstorage.HeadObjectResponse](t)(objects.HeadObject(ctx, objectstorage.HeadObjectRequest{
		NamespaceName: common.String(oci.Namespace), BucketName: common.String("backups"), ObjectName: large.Name,
	}))
	if head.OpcMultipartMd5 == nil || !strings.HasSuffix(*head.OpcMultipartMd5, "-2") || *large.Size < 20<<20 ||
		head.OpcMeta["part-size"] != fmt.Sprint(16<<20) {
		t.Errorf("backup of %d bytes: %v %v", *large.Size, head.OpcMultipartMd5, head.OpcMeta)
	}
	if out, err := g.run("restore", *large.Name); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	uploads := must[objectstorage.ListMultipartUploadsResponse](t)(objects.ListMultipartUploads(ctx,
		objectstorage.ListMultipartUploadsRequest{
			NamespaceName: common.String(oci.Namespace), BucketName: common.String("backups"),
		})).Items
	if len(uploads) != 0 {
		t.Errorf("uploads in progress after the backup: %v", uploads)
	}
}

// bucketClient returns a client of Object Storage, and creates the bucket "backups".
func bucketClient(t *testing.T, configFile, url string) objectstorage.ObjectStorageClient {
	t.Helper()
	config := must[common.ConfigurationProvider](t)(common.ConfigurationProviderFromFile(configFile, ""))
	client := must[objectstorage.ObjectStorageClient](t)(
		objectstorage.NewObjectStorageClientWithConfigurationProvider(config))
	client.Host = url
	_, err := client.CreateBucket(ctx, objectstorage.CreateBucketRequest{
		NamespaceName: common.String(oci.Namespace),
		CreateBucketDetails: objectstorage.CreateBucketDetails{
			Name: common.String("backups"), CompartmentId: common.String(oci.CompartmentID),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// runningGuestbook is a guestbook with its database.
type runningGuestbook struct {
	t      *testing.T
	binary string
	env    []string // of its chores
	url    string
}

// startGuestbook builds the guestbook and runs it with an embedded database until the test ends.
func startGuestbook(t *testing.T, env []string) *runningGuestbook {
	t.Helper()
	os.Getenv("SOURCES") // the Makefile says why
	dir := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", dir+"/", ".", "./cmd/run-app")
	build.Dir = "../../../app"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	binary := filepath.Join(dir, "app") // the module's name
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	// run-app gives the database's address to the guestbook only.
	script, uriFile := filepath.Join(dir, "start"), filepath.Join(dir, "uri")
	text := fmt.Sprintf("#!/bin/sh\necho \"$MONGODB_URI\" > %s.new && mv %[1]s.new %[1]s && exec %s\n", uriFile, binary)
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(dir, "run-app"), "-app", script, "-dir", filepath.Join(dir, "db"))
	cmd.Env = append(os.Environ(), "LISTEN_ADDRESS="+address, "METRICS_ADDRESS=127.0.0.1:0")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	g := &runningGuestbook{t: t, binary: binary, url: "http://" + address}
	until(t, "200 OK", func() (string, error) {
		res, err := http.Get(g.url + "/readyz")
		if err != nil {
			return err.Error(), nil
		}
		res.Body.Close()
		return res.Status, nil
	})
	uri, err := os.ReadFile(uriFile)
	if err != nil {
		t.Fatal(err)
	}
	g.env = slices.Concat(env, []string{"MONGODB_URI=" + strings.TrimSpace(string(uri))})
	return g
}

// run runs a chore.
func (g *runningGuestbook) run(args ...string) (output string, err error) {
	limited, cancel := context.WithTimeout(g.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(limited, g.binary, args...)
	cmd.Env = g.env
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	return out.String(), err
}

// sign stores an entry by the form of the page.
func (g *runningGuestbook) sign(message string) {
	g.t.Helper()
	const token = "AAAAAAAAAAAAAAAAAAAAAA" // of the cookie, which the form repeats
	form := url.Values{"message": {message}, "form": {"form-" + message}, "token": {token}}
	r, err := http.NewRequest(http.MethodPost, g.url+"/", strings.NewReader(form.Encode()))
	if err != nil {
		g.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Cookie", "guestbook_token="+token)
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusSeeOther {
		body, _ := io.ReadAll(res.Body)
		g.t.Fatalf("signing: %s\n%s", res.Status, body)
	}
}

// insert stores a document of size random bytes in the guestbook's database. It writes the wire protocol's OP_MSG and
// BSON itself: this module has no driver for MongoDB.
func (g *runningGuestbook) insert(collection string, id, size int) {
	g.t.Helper()
	document := func(elements ...[]byte) []byte {
		body := append(bytes.Join(elements, nil), 0)
		return append(binary.LittleEndian.AppendUint32(nil, uint32(len(body)+4)), body...)
	}
	element := func(kind byte, name string, value []byte) []byte {
		return append(append(append([]byte{kind}, name...), 0), value...)
	}
	text := func(name, value string) []byte {
		return element(2, name, append(binary.LittleEndian.AppendUint32(nil, uint32(len(value)+1)), value+"\x00"...))
	}
	random := make([]byte, size)
	_, _ = rand.Read(random)
	data := append(append(binary.LittleEndian.AppendUint32(nil, uint32(size)), 0), random...)
	stored := document(element(16, "_id", binary.LittleEndian.AppendUint32(nil, uint32(id))), element(5, "data", data))
	command := document(
		text("insert", collection), element(4, "documents", document(element(3, "0", stored))), text("$db", "guestbook"))

	uri, err := url.Parse(strings.TrimPrefix(g.env[len(g.env)-1], "MONGODB_URI="))
	if err != nil {
		g.t.Fatal(err)
	}
	conn, err := net.Dial("tcp", uri.Host)
	if err != nil {
		g.t.Fatal(err)
	}
	defer conn.Close()
	var message []byte
	const opMsg, noFlags = 2013, 0
	for _, field := range []int{16 + 5 + len(command), 1, 0, opMsg, noFlags} {
		message = binary.LittleEndian.AppendUint32(message, uint32(field))
	}
	if _, err := conn.Write(slices.Concat(message, []byte{0}, command)); err != nil {
		g.t.Fatal(err)
	}
	answer := make([]byte, 1<<10)
	n, err := conn.Read(answer)
	if err != nil || bytes.Contains(answer[:n], []byte("errmsg")) || bytes.Contains(answer[:n], []byte("writeErrors")) {
		g.t.Fatalf("%v %q", err, answer[:n])
	}
}

// page returns the first page.
func (g *runningGuestbook) page() string {
	g.t.Helper()
	res, err := http.Get(g.url + "/")
	if err != nil {
		g.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return string(body)
}
