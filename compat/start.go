package compat

import (
	"github.com/winmatch/winmatch/facts"
	"github.com/winmatch/winmatch/winver"
)

// What Windows does at the start.

// start predicts what Windows does with the image once it is there.
func (v *Verdict) start(f *facts.Facts, q *Question, c *Child) {
	host, image := q.Host.Version, c.Version
	if v.Pull == Fails && v.Has(RuntimeNotForHost) {
		v.Start = Fails
		return
	}
	if q.HostProcess && v.Runtime.lacksHostProcess() {
		v.Start = Fails
		v.because(HostProcessNeedsContainerd)
		return
	}
	if q.HostProcess {
		v.Start = Passes
		v.because(HostProcessExempt)
		return
	}
	if q.Kubernetes && v.Isolation == HyperV {
		v.Start = Fails
		v.because(HyperVNotOnKubernetes)
		return
	}
	if !image.IsValid() {
		v.because(OSVersionMissing)
		return
	}
	if v.Isolation == HyperV {
		v.startHyperV(host, image)
		return
	}
	if q.Host.client() && host.Build < winver.LTSC2019 {
		// Process isolation on a client needs build 17763 and Docker 18.09.
		v.fail(ClientHyperVOnly)
		v.Code = 0
		return
	}
	if q.Host.client() && v.Runtime.Engine == Docker && v.Runtime.Release.less(Release{18, 9, 0}) {
		v.fail(ClientHyperVOnly)
		v.Code = 0
		return
	}
	switch {
	case image.Build > host.Build:
		v.fail(ImageNewerThanHost)
	case image.Build == host.Build:
		v.sameBuild(f, q, c)
	case keepsABI(f, q.Host, image.Build):
		v.Start = Passes
		v.because(OlderImageAllowed)
	case image.Build < winver.LTSC2022:
		v.fail(BuildMismatch)
	default:
		// An image of a build that Microsoft publishes none of, or a host whose
		// build is not known: no source tells.
		v.because(UnknownBuild)
	}
}

func (v *Verdict) fail(c ReasonCode) {
	v.Start = Fails
	v.Code = ImageMismatch
	v.because(c)
}

// keepsABI reports whether the host is known to run an older image of that
// build in process isolation: Windows Server 2022 images from Windows 11 and
// Windows Server 23H2 on, Windows Server 2025 images from Windows 11 25H2 on.
// Documented in version-compatibility.md and portability.md; hosts that no
// release is known of are not counted.
func keepsABI(f *facts.Facts, h Host, image uint32) bool {
	host := h.Version.Build
	return (image == winver.LTSC2022 || image == winver.LTSC2025) && host > image && winver.ReleaseOf(f, host, winver.UnknownEdition) != nil
}

// startHyperV: the container brings its own kernel, which must not be newer
// than the host.
func (v *Verdict) startHyperV(host, image winver.Version) {
	switch {
	case image.Build > host.Build:
		v.fail(HyperVImageTooNew)
	case image.Build == host.Build:
		v.Start = Passes
		v.because(SameBuild)
	default:
		v.Start = Passes
		v.because(HyperVOlderImage)
	}
}

// sameBuild holds the rules that look at the revision. All of them are for
// process isolation.
func (v *Verdict) sameBuild(f *facts.Facts, q *Question, c *Child) {
	host, image := q.Host.Version, c.Version
	hostRev, hostKnown := host.Revision()
	imageRev, imageKnown := image.Revision()
	floor, floorKnown := uint32(0), false
	if !imageKnown && q.Image.Floor.Build == image.Build {
		floor, floorKnown = q.Image.Floor.Revision()
	}

	if host.Build == winver.LTSC2016 {
		switch {
		case hostKnown && imageKnown && sameBaseline(f, host.Build, hostRev, imageRev):
			v.Start = Passes
			v.because(SameBuild)
		case hostKnown && imageKnown, hostKnown && floorKnown && floor > hostRev:
			v.fail(WS2016RevisionMismatch)
		default:
			v.because(RevisionUnknown)
			v.because(WS2016RevisionMismatch)
		}
		return
	}

	if b := f.Baseline(host.Build); b != nil {
		hostSide, imageSide := unknownSide, unknownSide
		if hostKnown {
			hostSide = hostSideOf(b, hostRev)
		} else if b.Image2BFixed == 0 && !q.Host.client() {
			hostSide = before // servers of the build ended before it too
		}
		if imageKnown {
			imageSide = imageSideOf(b, imageRev)
		} else if b.Image2BFixed == 0 {
			imageSide = before // no image of the build was published after it
		} else if floorKnown && imageSideOf(b, floor) == after {
			imageSide = after
		}
		switch {
		case hostSide == after && imageSide == before, hostSide == before && (imageSide == after || imageSide == firstWeek):
			v.fail(February2020Boundary)
			v.Code = 0 // what fails is what runs inside: 32-bit programs, by 0xc0000142
			return
		case hostSide == after && imageSide == firstWeek:
			v.because(February2020Boundary)
			return
		// A side that is not told matters only where the other one is the
		// unusual one: nearly every host and image of today is past the boundary.
		case hostSide == before && imageSide == unknownSide, hostSide == unknownSide && imageSide == before:
			v.because(RevisionUnknown)
			v.because(February2020Boundary)
			return
		}
	}

	v.Start = Passes
	v.because(SameBuild)
	if ahead(f, q.Host, image) || floorKnown && ahead(f, q.Host, image.WithRevision(floor)) {
		v.because(RevisionAheadOfHost)
	}
	if !hostKnown && imageKnown {
		v.because(RevisionUnknown)
	}
}

// sameBaseline reports whether a Windows Server 2016 host and image count as of
// one revision: equal, or an image-only revision beside the host's of the same
// update (February and March 2020).
func sameBaseline(f *facts.Facts, build, host, image uint32) bool {
	if host == image {
		return true
	}
	b := f.Baseline(build)
	return b != nil && (host == b.Host2B && image == b.Image2BFixed || host == b.Host3B && image == b.Image3B)
}

// side is where a revision stands to the February 2020 boundary.
type side uint8

const (
	unknownSide side = iota
	before
	firstWeek // images of 2020-02-11, replaced a week later
	after
)

func hostSideOf(b *facts.Baseline, rev uint32) side {
	if rev >= b.Host2B {
		return after
	}
	return before
}

func imageSideOf(b *facts.Baseline, rev uint32) side {
	fixed := b.Image2BFixed
	if fixed == 0 {
		fixed = b.Host2B
	}
	switch {
	case rev >= fixed:
		return after
	case rev == b.Image2BFirst:
		return firstWeek
	}
	return before
}

// ahead reports whether the image is known to have a newer update than its
// host of the same build. Since January 2026 servers and clients of build 26100
// count differently, and images count as servers: there the days of the
// updates are compared.
func ahead(f *facts.Facts, h Host, image winver.Version) bool {
	hostRev, ok1 := h.Version.Revision()
	imageRev, ok2 := image.Revision()
	if !ok1 || !ok2 {
		return false
	}
	if h.client() && image.Build == winver.LTSC2025 {
		hostDay := winver.Released(f, h.Version, winver.Client)
		imageDay := winver.Released(f, image, winver.Server)
		return hostDay != 0 && imageDay != 0 && imageDay > hostDay
	}
	return imageRev > hostRev && !imageOnly(f, image.Build, hostRev, imageRev)
}

// imageOnly reports whether the image's revision and all known ones between it
// and the host's are of images alone (February 2020: 1039 on hosts, 1040 in
// images), so that no host could be further. An older host is behind: between
// lies an update that hosts have.
// https://github.com/MicrosoftDocs/Virtualization-Documentation/blob/77e0742a/virtualization/windowscontainers/deploy-containers/update-containers.md
func imageOnly(f *facts.Facts, build, host, image uint32) bool {
	if u := f.Update(build, image); u == nil || u.Type != facts.ImageOnly {
		return false
	}
	for _, u := range f.UpdatesOf(build) {
		if u.Revision > host && u.Revision < image && u.Type != facts.ImageOnly {
			return false
		}
	}
	return true
}
