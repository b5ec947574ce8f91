package web

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"hash/maphash"
	"log/slog"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"oke-guestbook/app/internal/entry"
)

const (
	maxBody     = 64 << 10 // bytes of a form
	maxForms    = 100      // forms in memory at a time; with their copies they take about 20 MB
	formGroups  = 10       // groups of clients with maxForms/formGroups each: a slow client delays only its own group
	tokenCookie = "guestbook_token"
	tokenLength = 22 // characters: 128 bits in base64
)

// sign stores an entry. On any error after the form has been read, it returns the form as filled in, with the same form
// id, so that sending it again cannot store the entry twice.
func (s *Server) sign(w http.ResponseWriter, r *http.Request) {
	t := pick(r.Header.Get("Accept-Language"))
	if err := s.origin.Check(r); err != nil {
		s.refuse(w, r, http.StatusForbidden, "forbidden", t.Foreign, t.ForeignText)
		return
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/x-www-form-urlencoded" {
		s.refuse(w, r, http.StatusUnsupportedMediaType, "invalid", t.Unreadable, t.UnreadableText)
		return
	}
	forms := s.forms[formGroup(s.client(r))]
	select {
	case forms <- struct{}{}:
		defer func() { <-forms }()
	case <-r.Context().Done():
		return
	}
	typed, ok := s.readForm(w, r, t)
	if !ok {
		return
	}
	draft := typed.Normalize()
	if wait := s.signs.take(s.client(r)); wait > 0 {
		setRetryAfter(w, wait)
		s.returnForm(w, r, http.StatusTooManyRequests, "limited", view{T: t, Notice: t.TooFast, Draft: typed})
		return
	}
	if !tokenMatches(r) {
		s.returnForm(w, r, http.StatusForbidden, "forbidden", view{T: t, Notice: t.BadToken, Draft: typed})
		return
	}
	if problem := draft.Check(); problem != "" {
		v := view{T: t, Notice: t.Problems[problem], Invalid: "message", Draft: typed}
		if problem == entry.LongName || problem == entry.ControlInName {
			v.Invalid = "name"
		}
		s.returnForm(w, r, http.StatusUnprocessableEntity, "invalid", v)
		return
	}
	added, err := s.cfg.Store.Add(r.Context(), draft)
	if err != nil {
		s.log(r).Error("sign", slog.String("error", err.Error()))
		s.returnForm(w, r, http.StatusServiceUnavailable, "failed", view{T: t, Notice: t.NotSaved, Draft: typed})
		return
	}
	s.metrics.signs.WithLabelValues("signed").Inc()
	http.Redirect(w, r, "/?signed="+url.QueryEscape(added.ID), http.StatusSeeOther)
}

// readForm returns the form as typed. If it is too large or malformed, readForm answers the request and returns false.
func (s *Server) readForm(w http.ResponseWriter, r *http.Request, t *texts) (typed entry.Draft, ok bool) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
			s.refuse(w, r, http.StatusRequestEntityTooLarge, "invalid", t.TooLarge, t.Problems[entry.LongMessage])
		} else {
			s.refuse(w, r, http.StatusBadRequest, "invalid", t.Unreadable, t.UnreadableText)
		}
		return entry.Draft{}, false
	}
	get := r.PostForm.Get
	typed = entry.Draft{Form: get("form"), Name: get("name"), Message: get("message")}
	if len(typed.Form) != tokenLength {
		typed.Form = random()
	}
	return typed, true
}

var groupSeed = maphash.MakeSeed()

// formGroup returns the group of a client. It changes with each start of the process.
func formGroup(client netip.Prefix) int {
	return int(maphash.Comparable(groupSeed, client) % formGroups)
}

// refuse answers a request that is not a form of this site. The request counts as one of the client's reads: what
// another site sends through a visitor's browser must not use up the visitor's entries.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, status int, result, heading, text string) {
	if s.tooFast(w, r) {
		result = "limited"
	} else {
		s.plain(w, r, status, heading, text)
	}
	s.metrics.signs.WithLabelValues(result).Inc()
}

// returnForm answers with the form as the visitor filled it in. If the database has just failed, it is not asked again:
// the page shows the cached entries.
func (s *Server) returnForm(w http.ResponseWriter, r *http.Request, status int, result string, v view) {
	s.metrics.signs.WithLabelValues(result).Inc()
	v.Failed = true
	v.Draft.Name = strings.ToValidUTF8(v.Draft.Name, "\ufffd")
	v.Draft.Message = strings.ToValidUTF8(v.Draft.Message, "\ufffd")
	snap := s.latest.last.Load()
	if status != http.StatusServiceUnavailable {
		if now, err := s.latest.get(r.Context(), false); err == nil {
			snap = now
		}
	}
	if snap != nil {
		v.Book = snap.html[v.T]()
	} else {
		v.Book = s.unread(v.T, 1)
	}
	s.form(w, r, status, v)
}

// token returns the visitor's token against forged requests and sets its cookie if there is none. The form repeats it
// in a field: another site can make the browser send the cookie, but does not know the field's value. Replicas need no
// shared secret.
func (s *Server) token(w http.ResponseWriter, r *http.Request) string {
	if c, err := r.Cookie(tokenCookie); err == nil && validToken(c.Value) {
		return c.Value
	}
	token := random()
	http.SetCookie(w, &http.Cookie{
		Name: tokenCookie, Value: token, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: s.https(r),
	})
	return token
}

func tokenMatches(r *http.Request) bool {
	c, err := r.Cookie(tokenCookie)
	return err == nil && validToken(c.Value) &&
		subtle.ConstantTimeCompare([]byte(c.Value), []byte(r.PostForm.Get("token"))) == 1
}

func validToken(v string) bool {
	b, err := base64.RawURLEncoding.DecodeString(v)
	return err == nil && len(b) == 16
}

// random returns tokenLength unpredictable characters.
func random() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (Go 1.24)
	return base64.RawURLEncoding.EncodeToString(b[:])
}
