// Package bucket keeps files in a bucket of OCI Object Storage. It checks every transfer by its MD5 digest, and repeats
// what fails until a time limit, because a policy that allows the access may take effect minutes after it is made.
package bucket

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/objectstorage"

	"oke-guestbook/app/internal/retry"
)

// Config says where the bucket is and how to get access.
type Config struct {
	Namespace, Name string
	Auth            string // WorkloadIdentity or ConfigFile
	Region          string // such as us-ashburn-1; empty: the configuration file's
	ConfigFile      string // empty: ~/.oci/config
	ConfigProfile   string
	Endpoint        string // URL; empty: the region's
}

// ErrNotFound says that the bucket has no object of the name.
var ErrNotFound = errors.New("there is no such object in the bucket")

// Bucket is a bucket of OCI Object Storage.
type Bucket struct {
	cfg    Config
	client objectstorage.ObjectStorageClient
	policy retry.Policy
}

// partSize is the size of the parts of a multipart upload, and of the largest object that is uploaded at once.
// An object has at most 10,000 parts (Oracle: Object Storage, "Multipart Uploads"): 156 GB. One part is kept in memory.
const partSize = 16 << 20

// partSizeKey is the key of the object's metadata that says how large its parts are, which its checksum depends on.
const partSizeKey = "part-size"

// Open returns the bucket. With workload identity it gets a token, and waits until that succeeds.
func Open(ctx context.Context, cfg Config, policy retry.Policy) (*Bucket, error) {
	provider, err := Credentials(cfg)
	if err != nil {
		return nil, err
	}
	var client objectstorage.ObjectStorageClient
	err = policy.Do(ctx, "get credentials for Object Storage", func(context.Context) (err error) {
		client, err = objectstorage.NewObjectStorageClientWithConfigurationProvider(provider)
		return err
	})
	if err != nil {
		return nil, err
	}
	if cfg.Region != "" {
		client.SetRegion(cfg.Region)
	}
	if cfg.Endpoint != "" {
		client.Host = cfg.Endpoint
	}
	// Repeated here, where the log says why, and not by the SDK.
	client.Configuration.RetryPolicy = &once
	client.Configuration.CircuitBreaker = nil
	client.HTTPClient = &http.Client{Transport: transport()}
	return &Bucket{cfg, client, policy}, nil
}

var once = common.NoRetryPolicy()

// transport limits the silence of the service, not the duration of a transfer.
func transport() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = 2 * time.Minute
	return t
}

// do repeats a request while another attempt may succeed.
func (b *Bucket) do(ctx context.Context, what string, request func(ctx context.Context) error) error {
	return b.policy.Do(ctx, what, func(ctx context.Context) error {
		err := request(ctx)
		var service common.ServiceError
		if !errors.As(err, &service) {
			return err // network, or the exchange of the token, which needs a policy too
		}
		status, reason := service.GetHTTPStatusCode(), fmt.Errorf("%d %s: %s",
			service.GetHTTPStatusCode(), service.GetCode(), service.GetMessage())
		switch {
		case status == http.StatusNotFound && service.GetCode() == "ObjectNotFound":
			return retry.Final(fmt.Errorf("%w (%w)", ErrNotFound, reason))
		case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusNotFound:
			return fmt.Errorf("bucket %s in namespace %s does not exist, or no policy allows the access "+
				"(one that is new takes effect after some minutes): %w", b.cfg.Name, b.cfg.Namespace, reason)
		case status == http.StatusTooManyRequests, status == http.StatusRequestTimeout, status >= 500,
			status == http.StatusBadRequest && service.GetCode() == "UnmatchedContentMD5":
			return reason
		}
		return retry.Final(reason)
	})
}

// List returns the names of all objects, sorted.
func (b *Bucket) List(ctx context.Context) ([]string, error) {
	var names []string
	var start *string
	for {
		var page objectstorage.ListObjectsResponse
		err := b.do(ctx, "list the bucket", func(ctx context.Context) (err error) {
			page, err = b.client.ListObjects(ctx, objectstorage.ListObjectsRequest{
				NamespaceName: &b.cfg.Namespace, BucketName: &b.cfg.Name, Start: start,
			})
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, o := range page.Objects {
			names = append(names, *o.Name)
		}
		if start = page.NextStartWith; start == nil {
			return names, nil
		}
	}
}

// Delete deletes an object. It is no error if there is none.
func (b *Bucket) Delete(ctx context.Context, name string) error {
	return b.do(ctx, "delete "+name, func(ctx context.Context) error {
		_, err := b.client.DeleteObject(ctx, objectstorage.DeleteObjectRequest{
			NamespaceName: &b.cfg.Namespace, BucketName: &b.cfg.Name, ObjectName: &name,
		})
		var service common.ServiceError
		if errors.As(err, &service) && service.GetCode() == "ObjectNotFound" {
			return nil
		}
		return err
	})
}

// Upload makes an object of what write writes, and returns its size. There is no object if write fails. Errors of the
// bucket, which has been asked until the time limit, are final.
func (b *Bucket) Upload(ctx context.Context, name string, write func(w io.Writer) error) (int64, error) {
	u := &upload{b: b, ctx: ctx, name: name}
	err := write(u)
	if err == nil {
		err = retry.Final(u.finish())
	}
	if err != nil && u.id != "" {
		// Parts without an object cost money and are in no list of objects.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		_, abortErr := b.client.AbortMultipartUpload(ctx, objectstorage.AbortMultipartUploadRequest{
			NamespaceName: &b.cfg.Namespace, BucketName: &b.cfg.Name, ObjectName: &name, UploadId: &u.id,
		})
		err = errors.Join(err, abortErr)
	}
	return u.size, err
}

// upload is a writer that sends each part when it is full.
type upload struct {
	b       *Bucket
	ctx     context.Context
	name    string
	part    bytes.Buffer
	id      string // of the multipart upload; empty before the first part
	parts   []objectstorage.CommitMultipartUploadPartDetails
	digests bytes.Buffer // MD5 digests of the parts
	size    int64
}

func (u *upload) Write(p []byte) (n int, err error) {
	for n < len(p) {
		if u.part.Len() == partSize { // and there is more
			if err := u.send(); err != nil {
				return n, retry.Final(err)
			}
		}
		chunk := p[n:min(len(p), n+partSize-u.part.Len())]
		u.part.Write(chunk)
		n += len(chunk)
		u.size += int64(len(chunk))
	}
	return n, nil
}

// send uploads the part.
func (u *upload) send() error {
	number, sum := len(u.parts)+1, md5.Sum(u.part.Bytes())
	if number == 1 {
		err := u.b.do(u.ctx, "begin the upload of "+u.name, func(ctx context.Context) error {
			res, err := u.b.client.CreateMultipartUpload(ctx, objectstorage.CreateMultipartUploadRequest{
				NamespaceName: &u.b.cfg.Namespace, BucketName: &u.b.cfg.Name,
				CreateMultipartUploadDetails: objectstorage.CreateMultipartUploadDetails{
					Object: &u.name, Metadata: map[string]string{"opc-meta-" + partSizeKey: strconv.Itoa(partSize)},
				},
			})
			if err == nil {
				u.id = *res.UploadId
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	digest := base64.StdEncoding.EncodeToString(sum[:])
	var etag *string
	err := u.b.do(u.ctx, fmt.Sprintf("upload part %d of %s", number, u.name), func(ctx context.Context) error {
		res, err := u.b.client.UploadPart(ctx, objectstorage.UploadPartRequest{
			NamespaceName: &u.b.cfg.Namespace, BucketName: &u.b.cfg.Name, ObjectName: &u.name,
			UploadId: &u.id, UploadPartNum: &number, ContentMD5: &digest,
			ContentLength:  common.Int64(int64(u.part.Len())),
			UploadPartBody: io.NopCloser(bytes.NewReader(u.part.Bytes())),
		})
		if err != nil {
			return err
		}
		etag = res.ETag
		return sameDigest(digest, res.OpcContentMd5)
	})
	u.parts = append(u.parts, objectstorage.CommitMultipartUploadPartDetails{PartNum: &number, Etag: etag})
	u.digests.Write(sum[:])
	u.part.Reset()
	return err
}

// finish uploads the last part and makes the object.
func (u *upload) finish() error {
	if u.id == "" {
		return u.put()
	}
	if err := u.send(); err != nil {
		return err
	}
	var digest *string
	err := u.b.do(u.ctx, "complete the upload of "+u.name, func(ctx context.Context) error {
		res, err := u.b.client.CommitMultipartUpload(ctx, objectstorage.CommitMultipartUploadRequest{
			NamespaceName: &u.b.cfg.Namespace, BucketName: &u.b.cfg.Name, ObjectName: &u.name, UploadId: &u.id,
			CommitMultipartUploadDetails: objectstorage.CommitMultipartUploadDetails{PartsToCommit: u.parts},
		})
		digest = res.OpcMultipartMd5
		return err
	})
	if err != nil {
		return err
	}
	return u.keepIf(sameDigest(multipartDigest(u.digests.Bytes()), digest))
}

// put uploads an object of one part.
func (u *upload) put() error {
	sum := md5.Sum(u.part.Bytes())
	want := base64.StdEncoding.EncodeToString(sum[:])
	var digest *string
	err := u.b.do(u.ctx, "upload "+u.name, func(ctx context.Context) error {
		res, err := u.b.client.PutObject(ctx, objectstorage.PutObjectRequest{
			NamespaceName: &u.b.cfg.Namespace, BucketName: &u.b.cfg.Name, ObjectName: &u.name,
			ContentMD5: &want, ContentLength: common.Int64(u.size),
			PutObjectBody: io.NopCloser(bytes.NewReader(u.part.Bytes())),
		})
		digest = res.OpcContentMd5
		return err
	})
	if err != nil {
		return err
	}
	return u.keepIf(sameDigest(want, digest))
}

// keepIf deletes the object again unless err is nil, so that no one takes it for a good one.
func (u *upload) keepIf(err error) error {
	if err == nil {
		return nil
	}
	return errors.Join(fmt.Errorf("upload of %s: %w", u.name, err), u.b.Delete(u.ctx, u.name))
}

// multipartDigest returns the digest of an object in parts from those of its parts (API reference, GetObject).
func multipartDigest(digests []byte) string {
	sum := md5.Sum(digests)
	return base64.StdEncoding.EncodeToString(sum[:])
}

func sameDigest(want string, got *string) error {
	if got == nil {
		return errors.New("the service returned no checksum")
	}
	// The service appends the number of parts, as in "...==-3".
	if digest, _, _ := strings.Cut(*got, "-"); digest != want {
		return fmt.Errorf("the MD5 checksum is %s, want %s", *got, want)
	}
	return nil
}

// Download writes an object to w and checks its length and its checksum. A broken transfer is continued where it ended.
func (b *Bucket) Download(ctx context.Context, name string, w io.Writer) (int64, error) {
	var size int64
	var object *objectstorage.GetObjectResponse // the first response: that to HEAD does not say why it is a 404
	var check *digester
	err := b.do(ctx, "download "+name, func(ctx context.Context) error {
		request := objectstorage.GetObjectRequest{
			NamespaceName: &b.cfg.Namespace, BucketName: &b.cfg.Name, ObjectName: &name,
		}
		if object != nil {
			request.IfMatch, request.Range = object.ETag, common.String(fmt.Sprintf("bytes=%d-", size))
		}
		res, err := b.client.GetObject(ctx, request)
		if err != nil {
			return err
		}
		defer res.Content.Close()
		if object == nil {
			object, check = &res, newDigester(res)
		}
		n, err := io.Copy(io.MultiWriter(w, check), res.Content)
		size += n
		if err == nil && size < *object.ContentLength {
			err = io.ErrUnexpectedEOF
		}
		return err
	})
	if err != nil {
		return size, err
	}
	if size != *object.ContentLength {
		return size, fmt.Errorf("%s has %d bytes, want %d", name, size, *object.ContentLength)
	}
	if err := check.verify(*object); err != nil {
		return size, fmt.Errorf("%s is corrupt: %w", name, err)
	}
	return size, nil
}

// digester computes the checksum of an object as the service does.
type digester struct {
	whole   hash.Hash
	part    hash.Hash
	size    int64 // of a part; 0: unknown, for objects that another program has uploaded in parts
	n       int64 // bytes of the current part
	digests []byte
}

func newDigester(object objectstorage.GetObjectResponse) *digester {
	size, _ := strconv.ParseInt(object.OpcMeta[partSizeKey], 10, 64)
	return &digester{whole: md5.New(), part: md5.New(), size: size}
}

func (d *digester) Write(p []byte) (int, error) {
	d.whole.Write(p)
	for rest := p; d.size > 0 && len(rest) > 0; {
		if d.n == d.size {
			d.end()
		}
		k := min(int64(len(rest)), d.size-d.n)
		d.part.Write(rest[:k])
		d.n, rest = d.n+k, rest[k:]
	}
	return len(p), nil
}

func (d *digester) end() {
	d.digests = d.part.Sum(d.digests)
	d.part.Reset()
	d.n = 0
}

func (d *digester) verify(object objectstorage.GetObjectResponse) error {
	switch {
	case object.ContentMd5 != nil:
		return sameDigest(base64.StdEncoding.EncodeToString(d.whole.Sum(nil)), object.ContentMd5)
	case object.OpcMultipartMd5 != nil && d.size > 0:
		d.end()
		return sameDigest(multipartDigest(d.digests), object.OpcMultipartMd5)
	}
	return nil // the archive has checksums of its own
}
