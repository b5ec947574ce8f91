package web

import (
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"golang.org/x/text/language"

	"oke-guestbook/app/internal/entry"
)

// texts holds all texts of the pages in one language. Messages say what happened, that nothing is lost, and what to do.
type texts struct {
	Lang, Title, Welcome, SkipToEntries, SignTitle, Name, Optional, Message, Limit, Count, Send     string
	Sending, Unsent, Nobody, NoText, Empty, News, PagesLabel, Newer, Older, Home, Reference, Footer string

	Signed, NotSaved, NotRead, TooFast, BadToken, TooLarge string

	NoPage, NoPageText, Foreign, ForeignText, Slow, SlowText, Broken, BrokenText string
	Unreadable, UnreadableText                                                   string

	Problems map[entry.Problem]string
	Entries  func(total int) string
	PageOf   func(page, pages int) string
	Date     func(time.Time) string
}

var english = texts{
	Lang: "en", Title: "Guestbook",
	Welcome:       "Glad that you are here. Leave a few words.",
	SkipToEntries: "Skip to the entries",
	SignTitle:     "Sign the guestbook",
	Name:          "Name", Optional: "(optional)", Message: "Message",
	Limit: fmt.Sprintf("Up to %s characters.", group(entry.MaxMessage)),
	Count: "{n} of {max} characters",
	Send:  "Sign", Sending: "Sending …",
	Unsent: "The guestbook cannot be reached. Your text is still here: please try again in a moment.",
	Nobody: "No name", NoText: "(no text)",
	Empty:      "Nobody has signed yet. Be the first!",
	News:       "New entries: {n}",
	PagesLabel: "Pages", Newer: "← Newer", Older: "Older →",
	Home: "To the guestbook", Reference: "Reference:",
	Footer: "Runs on Kubernetes, remembers with MongoDB.",

	Signed:   "Thank you! Your entry is in the guestbook.",
	NotSaved: "Your entry could not be saved just now. Your text is still here: please sign again in a moment.",
	NotRead:  "The entries cannot be shown just now. Please come back in a moment.",
	TooFast: "You have signed many times in a short while. Your text is still here: " +
		"please wait a minute, then sign again.",
	BadToken: "This form was too old, or your browser keeps no cookies. Your text is still here: please sign again.",
	TooLarge: "That was far too much text.",

	NoPage: "There is no such page", NoPageText: "The address may be old or mistyped.",
	Foreign: "This came from another site", ForeignText: "The guestbook takes entries from its own page only.",
	Slow: "Too many requests", SlowText: "Please wait a moment, then load the page again.",
	Broken: "Something went wrong", BrokenText: "That is our fault, not yours. Please try again in a moment.",
	Unreadable: "That could not be read", UnreadableText: "The form did not arrive whole. Please go back and sign again.",

	Problems: map[entry.Problem]string{
		entry.Blank: "Please write a message.",
		entry.LongMessage: fmt.Sprintf("The message is too long: at most %s characters, please.",
			group(entry.MaxMessage)),
		entry.ManyLines:        fmt.Sprintf("The message has too many lines: at most %d, please.", entry.MaxLines),
		entry.LongName:         fmt.Sprintf("The name is too long: at most %d characters, please.", entry.MaxName),
		entry.InvalidUTF8:      "Some characters did not arrive as text (invalid UTF-8). Please check and sign again.",
		entry.ControlInName:    "The name has characters that cannot be shown. Please remove them.",
		entry.ControlInMessage: "The message has characters that cannot be shown. Please remove them.",
	},
	Entries: func(n int) string {
		switch n {
		case 0:
			return "Entries"
		case 1:
			return "1 entry"
		}
		return group(n) + " entries"
	},
	PageOf: func(page, pages int) string { return fmt.Sprintf("Page %s of %s", group(page), group(pages)) },
	Date:   func(t time.Time) string { return t.Format("2 Jan 2006, 15:04 MST") },
}

var korean = texts{
	Lang: "ko", Title: "방명록",
	Welcome:       "반갑습니다. 따뜻한 한마디를 남겨 주세요.",
	SkipToEntries: "글 목록으로 건너뛰기",
	SignTitle:     "방명록 쓰기",
	Name:          "이름", Optional: "(선택)", Message: "남길 말",
	Limit: fmt.Sprintf("%s자까지 쓸 수 있습니다.", group(entry.MaxMessage)),
	Count: "{max}자 중 {n}자",
	Send:  "남기기", Sending: "보내는 중 …",
	Unsent: "방명록에 연결할 수 없습니다. 쓰신 글은 그대로 있으니 잠시 후 다시 시도해 주세요.",
	Nobody: "이름 없음", NoText: "(내용 없음)",
	Empty:      "아직 글이 없습니다. 첫 글을 남겨 주세요!",
	News:       "새 글 {n}개",
	PagesLabel: "쪽", Newer: "← 최근 글", Older: "이전 글 →",
	Home: "방명록으로", Reference: "참조 번호:",
	Footer: "쿠버네티스에서 실행되고 MongoDB에 기록됩니다.",

	Signed:   "고맙습니다! 방명록에 글이 남았습니다.",
	NotSaved: "지금은 글을 저장하지 못했습니다. 쓰신 글은 그대로 있으니 잠시 후 다시 남겨 주세요.",
	NotRead:  "지금은 글을 보여 드릴 수 없습니다. 잠시 후 다시 와 주세요.",
	TooFast:  "짧은 시간에 글을 많이 남기셨습니다. 쓰신 글은 그대로 있으니 1분쯤 뒤에 다시 남겨 주세요.",
	BadToken: "양식이 오래되었거나 브라우저가 쿠키를 저장하지 않습니다. 쓰신 글은 그대로 있으니 다시 남겨 주세요.",
	TooLarge: "글이 너무 큽니다.",

	NoPage: "없는 쪽입니다", NoPageText: "주소가 오래되었거나 잘못 입력되었을 수 있습니다.",
	Foreign: "다른 사이트에서 보낸 요청입니다", ForeignText: "방명록은 이 페이지에서 쓴 글만 받습니다.",
	Slow: "요청이 너무 많습니다", SlowText: "잠시 기다린 뒤 페이지를 다시 열어 주세요.",
	Broken: "문제가 생겼습니다", BrokenText: "저희 쪽 문제입니다. 잠시 후 다시 시도해 주세요.",
	Unreadable: "읽을 수 없는 요청입니다", UnreadableText: "양식이 온전히 도착하지 않았습니다. 돌아가서 다시 남겨 주세요.",

	Problems: map[entry.Problem]string{
		entry.Blank:            "남길 말을 써 주세요.",
		entry.LongMessage:      fmt.Sprintf("글이 너무 깁니다. %s자까지 쓸 수 있습니다.", group(entry.MaxMessage)),
		entry.ManyLines:        fmt.Sprintf("줄이 너무 많습니다. %d줄까지 쓸 수 있습니다.", entry.MaxLines),
		entry.LongName:         fmt.Sprintf("이름이 너무 깁니다. %d자까지 쓸 수 있습니다.", entry.MaxName),
		entry.InvalidUTF8:      "일부 글자가 올바르게 도착하지 않았습니다(잘못된 UTF-8). 확인하고 다시 남겨 주세요.",
		entry.ControlInName:    "이름에 표시할 수 없는 문자가 있습니다. 지우고 다시 남겨 주세요.",
		entry.ControlInMessage: "글에 표시할 수 없는 문자가 있습니다. 지우고 다시 남겨 주세요.",
	},
	Entries: func(n int) string {
		if n == 0 {
			return "남긴 글"
		}
		return "글 " + group(n) + "개"
	},
	PageOf: func(page, pages int) string { return fmt.Sprintf("%s / %s쪽", group(page), group(pages)) },
	Date:   func(t time.Time) string { return t.Format("2006년 1월 2일 15:04 MST") },
}

var (
	languages = []*texts{&english, &korean}
	matcher   = language.NewMatcher([]language.Tag{language.English, language.Korean})
)

// pick returns the texts that match the Accept-Language header best. The default is English.
func pick(header string) *texts {
	tags, _, err := language.ParseAcceptLanguage(header)
	if err != nil {
		return &english
	}
	_, i, _ := matcher.Match(tags...)
	return languages[i]
}

// group formats n with commas between groups of three digits, as both languages do. golang.org/x/text/message would
// do it too, but adds 217 KB to the binary.
func group(n int) string { return humanize.Comma(int64(n)) }
