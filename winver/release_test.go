package winver

import (
	"testing"

	"github.com/winmatch/winmatch/facts"
)

func TestEditions(t *testing.T) {
	f := facts.Embedded()
	for _, c := range []struct {
		build          uint32
		edition        Edition
		server, client string
	}{
		{14393, Server, "ws2016", "w10-1607"},
		{15063, Client, "", "w10-1703"},
		{16299, Server, "ws1709", "w10-1709"},
		{17763, Server, "ws2019", "w10-1809"}, // and ws1809: the long-term one
		{19042, Server, "ws20h2", "w10-20h2"},
		{19043, Client, "", "w10-21h1"},
		{19045, Client, "", "w10-22h2"},
		{20348, Server, "ws2022", ""},
		{22000, Client, "", "w11-21h2"},
		{25398, Server, "ws23h2", ""},
		{26100, Server, "ws2025", "w11-24h2"},
		{26200, Client, "", "w11-25h2"},
		{17604, UnknownEdition, "", ""},
		{0, UnknownEdition, "", ""},
	} {
		id := func(e Edition) string {
			if r := ReleaseOf(f, c.build, e); r != nil {
				return r.ID
			}
			return ""
		}
		if c.build != 0 {
			if e := EditionOf(f, c.build); e != c.edition {
				t.Errorf("%d is a %v, want %v", c.build, e, c.edition)
			}
		}
		want := c.server
		if want == "" {
			want = c.client
		}
		if id(Server) != c.server || id(Client) != c.client || id(UnknownEdition) != want {
			t.Errorf("%d: server %q, client %q, unknown %q; want %q, %q, %q", c.build, id(Server), id(Client), id(UnknownEdition), c.server, c.client, want)
		}
	}
	for _, e := range []Edition{UnknownEdition, Server, Client} {
		if ParseEdition(e.String()) != e {
			t.Errorf("%v does not read back", e)
		}
	}
	if ParseEdition("Server") != UnknownEdition {
		t.Error("ParseEdition takes capitals")
	}
}

func TestFamilies(t *testing.T) {
	f := facts.Embedded()
	for family, build := range map[string]uint32{"ltsc2016": 14393, "sac2016": 14393, "1607": 14393, "1709": 16299, "1803": 17134, "1809": 17763, "ltsc2019": 17763,
		"1903": 18362, "1909": 18363, "2004": 19041, "20H2": 19042, "2009": 19042, "ltsc2022": 20348, "ltsc2025": 26100, "": 0, "latest": 0, "ltsc2018": 0} {
		if got := FamilyBuild(f, family); got != build {
			t.Errorf("family %q is %d, want %d", family, got, build)
		}
	}
}

func TestLines(t *testing.T) {
	f := facts.Embedded()
	server, client := Latest(f, LTSC2025, facts.ServerLine), Latest(f, LTSC2025, facts.ClientLine)
	if server == nil || client == nil || server.Revision < 32230 || client.Revision >= 32230 {
		t.Fatal(server, client)
	}
	// What both had before January 2026 does not count as either's newest.
	if u := f.Update(LTSC2025, 7462); u == nil || u.Line != facts.BothLines {
		t.Error(u)
	}
	for _, b := range []uint32{LTSC2016, LTSC2019, LTSC2022, LTSC2025} {
		l, lb := Latest(f, b, facts.ServerLine), LatestB(f, b)
		if l == nil || lb == nil || lb.Revision > l.Revision || lb.Type != facts.B || lb.KB == 0 {
			t.Errorf("%d: newest %+v, newest B %+v", b, l, lb)
		}
	}
	if Latest(f, 17604, facts.ServerLine) != nil || LatestB(f, 17604) != nil {
		t.Error("an unknown build has updates")
	}
	if d := Released(f, New(14393, 1944), Server); d != 20171212 {
		t.Error(d)
	}
	if d := Released(f, New(LTSC2025, client.Revision), Server); d != 0 {
		t.Errorf("a server got the client's revision on %v", d)
	}
	if d := Released(f, OfBuild(17763), Server) + Released(f, New(17763, 2), Server); d != 0 {
		t.Error(d)
	}
}

func TestEndOfSupport(t *testing.T) {
	f := facts.Embedded()
	for build, c := range map[uint32]struct {
		e    Edition
		want facts.Date
	}{14393: {Server, 20270112}, 17763: {Server, 20290109}, 16299: {Server, 20190409}, 19045: {Client, 20251014}, 22631: {Client, 20261110}} {
		if got := EndOfSupport(ReleaseOf(f, build, c.e)); got != c.want {
			t.Errorf("%d: %v, want %v", build, got, c.want)
		}
	}
}
