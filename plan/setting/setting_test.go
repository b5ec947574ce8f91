package setting_test

import (
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"oke-guestbook/plan/problem"
	"oke-guestbook/plan/problem/problemtest"
	"oke-guestbook/plan/setting"
)

type color string

// upper is a text of its own form.
type upper string

func (u *upper) UnmarshalText(text []byte) error {
	*u = upper(strings.ToUpper(string(text)))
	if *u == "" {
		return errors.New("must not be empty")
	}
	return nil
}

type house struct {
	Name   string
	Floors int
	Height float64
	Garden bool
	Color  color
	Rooms  []room
	Doors  map[color]room
	Labels map[string]string
	Codes  []upper
	Years  []int
}

type room struct {
	Name string
	Beds int
}

func (h *house) settings() setting.Group {
	return setting.Group{
		setting.Of(&h.Name, "name", "", "Name", setting.Required[string]("choose one")),
		setting.Of(&h.Floors, "floors", 2, "Floors", setting.Range(1, 9)),
		setting.Of(&h.Height, "height", 2.5, "Height"),
		setting.Of(&h.Garden, "garden", false, "Garden"),
		setting.Of(&h.Color, "color", "", "Color", setting.Optional(setting.OneOf[color]("red", "green"))),
		setting.Objects(&h.Rooms, "rooms", []room{{"hall", 0}}, "Rooms", (*room).settings),
		setting.ObjectsByName(&h.Doors, "doors", "Doors", (*room).settings,
			setting.Names[color, room](setting.OneOf[color]("red"))),
		setting.Texts(&h.Labels, "labels", "Labels"),
		setting.List(&h.Codes, "codes", nil, "Codes", setting.Unique[upper]()),
		setting.List(&h.Years, "years", nil, "Years", setting.Each(setting.Range(1900, 2100))),
	}
}

func (r *room) settings() setting.Group {
	return setting.Group{
		setting.Of(&r.Name, "name", "", "Name", setting.Match(regexp.MustCompile(`^[a-z]+$`), "lower-case letters")),
		setting.Of(&r.Beds, "beds", 1, "Beds", setting.Range(0, 4)),
	}
}

// read decodes a JSON object over the defaults, and checks what comes of it.
func read(t *testing.T, text string) (h house, err error) {
	t.Helper()
	var values map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &values); err != nil {
		t.Fatal(err)
	}
	var list, found problem.List
	h.settings().ApplyDefaults()
	h.settings().Decode(&list, values)
	h.settings().Check(&found, "")
	list.Append(found)
	return h, list.Err()
}

func TestValues(t *testing.T) {
	h, err := read(t, `{
		"name": "a", "floors": 3, "height": 7.5, "garden": true, "color": "red",
		"rooms": [{"name": "x"}, {"name": "y", "beds": 0}],
		"doors": {"red": {"name": "z"}}, "labels": {"k": "v"}, "codes": ["ab", 12], "years": [1999]}`)
	if err != nil {
		t.Fatal(err)
	}
	if h.Name != "a" || h.Floors != 3 || h.Height != 7.5 || !h.Garden || h.Color != "red" ||
		h.Labels["k"] != "v" || h.Years[0] != 1999 {
		t.Errorf("got %+v", h)
	}
	if h.Rooms[0] != (room{"x", 1}) || h.Rooms[1] != (room{"y", 0}) || h.Doors["red"] != (room{"z", 1}) {
		t.Errorf("an object has the defaults of what it does not set: %+v, %+v", h.Rooms, h.Doors)
	}
	if h.Codes[0] != "AB" || h.Codes[1] != "12" {
		t.Errorf("codes %q", h.Codes)
	}
	h, err = read(t, `{"name": "a", "floors": null, "rooms": null, "doors": null}`)
	if err != nil || h.Floors != 2 || len(h.Rooms) != 1 {
		t.Errorf("null leaves the default: %+v, %v", h, err)
	}
}

func TestRefusedValues(t *testing.T) {
	for text, want := range map[string][]string{
		`{}`:                                                {"name choose one"},
		`{"name": "a", "flors": 3}`:                         {"flors floors?"},
		`{"name": "a", "zzzzzz": 3}`:                        {"zzzzzz"},
		`{"name": 1}`:                                       {"name text number"},
		`{"name": "a", "floors": "many"}`:                   {"floors integer string"},
		`{"name": "a", "floors": 1.5}`:                      {"floors integer 1.5"},
		`{"name": "a", "floors": 10}`:                       {"floors 1 9 10"},
		`{"name": "a", "height": []}`:                       {"height number array"},
		`{"name": "a", "garden": "yes"}`:                    {"garden true false string"},
		`{"name": "a", "color": "blue"}`:                    {"color blue red green"},
		`{"name": "a", "rooms": {}}`:                        {"rooms list object"},
		`{"name": "a", "rooms": ["x"]}`:                     {"rooms[0] object string"},
		`{"name": "a", "rooms": [{"name": "X"}]}`:           {"rooms[0].name X lower-case"},
		`{"name": "a", "rooms": [{"nam": "X", "beds": 9}]}`: {"rooms[0].nam name?"}, // the rest of the room is not checked
		`{"name": "a", "rooms": [{"qqqqqq": 1}]}`:           {"rooms[0].qqqqqq name beds"},
		`{"name": "a", "rooms": [{"beds": "x"}, {"name": "X"}]}`: {
			"rooms[0].beds integer string", "rooms[1].name X",
		},
		`{"name": "a", "doors": []}`:                         {"doors object array"},
		`{"name": "a", "doors": {"blue": {"name": "x"}}}`:    {"doors blue red"},
		`{"name": "a", "doors": {"red": {"beds": true}}}`:    {"doors.red.beds integer bool"},
		`{"name": "a", "labels": {"k": 1}}`:                  {"labels.k text number"},
		`{"name": "a", "codes": ["a", "", {}]}`:              {"codes[1]", "codes[2] text object"},
		`{"name": "a", "codes": ["a", "A"]}`:                 {"codes A"},
		`{"name": "a", "years": [1899, 2000, 2101, "MM"]}`:   {"years[3] integer string"},
		`{"name": "a", "years": [1899, 2000, 2101]}`:         {"years 1899", "years 2101"},
		`{"name": "a", "floors": "many", "color": "blue"}`:   {"floors", "color"},
		`{"name": "a", "rooms": [{"name": 1, "beds": "x"}]}`: {"rooms[0].beds", "rooms[0].name"},
	} {
		t.Run(text, func(t *testing.T) {
			_, err := read(t, text)
			problemtest.Check(t, err, want...)
		})
	}
}

func TestDeclarations(t *testing.T) {
	var h house
	for key, want := range map[string]struct {
		kind, items, byDefault, allowed string
		fields                          int
	}{
		"name":   {"string", "", `""`, "", 0},
		"floors": {"integer", "", "2", "1 to 9", 0},
		"height": {"number", "", "2.5", "", 0},
		"garden": {"boolean", "", "false", "", 0},
		"color":  {"string", "", `""`, "red, green", 0},
		"rooms":  {"array", "object", `[{"name":"hall"}]`, "", 2},
		"doors":  {"object", "", "{}", "red", 2},
		"labels": {"object", "", "{}", "", 0},
		"codes":  {"array", "string", "[]", "each once", 0},
		"years":  {"array", "integer", "[]", "1900 to 2100", 0},
	} {
		s, _ := h.settings().Find(key)
		byDefault, err := json.Marshal(s.Default)
		if err != nil {
			t.Fatal(err)
		}
		allowed := strings.Join(s.Allowed, "; ")
		if s.Type != want.kind || s.Items != want.items || string(byDefault) != want.byDefault ||
			allowed != want.allowed || len(s.Fields) != want.fields {
			t.Errorf("%s is declared as %+v with default %s, want %+v", key, s, byDefault, want)
		}
	}
}

// TestTexts expects each text with its key and the setting that declares it, and no numbers.
func TestTexts(t *testing.T) {
	h := house{
		Name: "a", Floors: 3, Rooms: []room{{"hall", 1}}, Doors: map[color]room{"red": {Name: "front"}},
		Labels: map[string]string{"name": "x"}, Codes: []upper{"B"},
	}
	var got []string
	h.settings().Texts("", func(s setting.Setting, key, text string) { got = append(got, s.Key+" "+key+" "+text) })
	want := []string{
		"name name a", "name rooms[0].name hall", "name doors.red.name front", "labels labels.name x", "codes codes[0] B",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOCID(t *testing.T) {
	check := setting.OCID("vcn", "subnet")
	for ocid, valid := range map[string]bool{
		"": true, "ocid1.vcn.oc1.iad.aaaa": true, "ocid1.subnet.oc1..aaaa": true,
		"ocid1.vcn.oc16.eu-frankfurt-1.future.a-B_1": true,
		"my-vcn": false, "ocid1.vcn.oc1.iad": false, "ocid2.vcn.oc1.iad.aaaa": false, "ocid1.drg.oc1.iad.aaaa": false,
		"ocid1.vcn.oc1.iad.": false, "ocid1.vcn.oc1.iad.aaaa ": false, "ocid1.vcn.oc1.iad.aaaa\n": false,
		"ocid1.vcn.oc1.iad.<unique id>": false, "ocid1.vcn.oc1.iad.…": false, "ocid1.vcn..iad.aaaa": false,
		"ocid1.vcn.xx.iad.aaaa": false,
	} {
		if err := check.Test(ocid); (err == nil) != valid {
			t.Errorf("%q: got %v", ocid, err)
		}
	}
}
