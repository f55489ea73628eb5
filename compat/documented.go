package compat

import (
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

// annual is Windows Server, version 23H2: a host without images of its own,
// documented to run the Windows Server 2022 image.
// https://github.com/MicrosoftDocs/Virtualization-Documentation/blob/77e0742a/virtualization/windowscontainers/deploy-containers/portability.md
const annual = 25398

// Documented returns what Microsoft's table says of a host, an image and an
// isolation mode on a day (0: now). Silent means that the table has no such
// row.
func Documented(f *facts.Facts, h Host, image uint32, i Isolation, on facts.Date) facts.Support {
	t := f.Table(on)
	if t == nil {
		return facts.Silent
	}
	host := h.Version.Build
	windows10 := false
	for n := range t.Cells {
		c := &t.Cells[n]
		if c.Client != h.client() || host < c.HostLo || host > c.HostHi {
			continue
		}
		windows10 = windows10 || c.Host == "Windows 10"
		if c.Image != image {
			continue
		}
		switch {
		case c.From != 0 && host < c.From:
			return facts.Unsupported
		case i == HyperV:
			return c.HyperV
		}
		return c.Process
	}
	// Since it has one table for all of Windows 10, the page documents process
	// isolation there for no image.
	if windows10 && i == Process {
		return facts.Unsupported
	}
	if host == annual && !h.client() && i == Process {
		switch {
		case image == winver.LTSC2022:
			return facts.Supported
		case image > annual:
			return facts.Unsupported
		}
	}
	return facts.Silent
}

func (v *Verdict) document(f *facts.Facts, q *Question, c *Child) {
	switch {
	case q.HostProcess:
		v.Documented = facts.Silent
	case q.Kubernetes && v.Isolation == HyperV, q.Kubernetes && q.Host.client():
		// https://kubernetes.io/docs/concepts/windows/intro/
		v.Documented = facts.Unsupported
	default:
		v.Documented = Documented(f, q.Host, c.Version.Build, v.Isolation, q.AsOf)
		// The rules that the table does not show.
		if v.Documented == facts.Supported && v.Isolation == Process && c.Version.Build == q.Host.Version.Build {
			probe := Verdict{}
			probe.sameBuild(f, q, c)
			if probe.Start == Fails {
				v.Documented = facts.Unsupported
			}
		}
	}
}
