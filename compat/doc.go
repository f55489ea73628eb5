// Package compat decides whether a Windows container image runs on a host.
//
// A verdict has three layers, and says where they part:
//
//   - documented: what Microsoft's table says, now or on a day ([Documented])
//   - predicted: what this runtime, in this version, does at the pull, and what
//     Windows does at the start ([Decide])
//   - reported: what people saw with the same pair of builds; never more than
//     evidence ([Verdict.Reports])
//
// The package reads no clock, file or network: facts and date are arguments.
// [Decide] allocates nothing.
//
// # What Windows does at the start
//
// A container in process isolation uses its host's kernel; in Hyper-V isolation
// it brings its own. So, by [version-compatibility.md]:
//
//   - An image newer than its host, by build, never starts, in either mode.
//   - In Hyper-V isolation, every image that is not newer starts.
//   - In process isolation the builds must be equal, but for the images of
//     Windows Server 2022 and 2025: from build 20348 on, newer Windows keep the
//     interface of these two (Windows 11, Windows Server 23H2 by
//     [portability.md], Windows Server 2025). See keepsABI.
//   - On Windows Server 2016 (14393) the revisions must be equal too. A revision
//     that only images have stands for the host's of the same update. See
//     sameBuild.
//   - Host and image must be on the same side of the security update of February
//     2020, by [update-containers.md]; what the images of its first week work
//     with is not documented. Builds from 19041 on are all past it.
//   - An image with a newer update than its host of the same build is documented
//     to work and reported to fail (0xc0370106): the answer is risky. Since
//     January 2026 the revisions of build 26100 differ on servers and clients;
//     images count as servers, and a client's are compared by date. See ahead.
//   - A client runs process isolation from build 17763 and Docker 18.09 on, for
//     development and testing, by [hyperv-container.md].
//   - HostProcess containers use the host's files and are exempt.
//   - Kubernetes has no Hyper-V isolation, and no clients as nodes.
//
// A mismatch is reported by ERROR_VMCOMPUTE_IMAGE_MISMATCH, 0xc0370101.
//
// # What a runtime does at the pull
//
// Each runtime compares versions by a [Rule], whatever the isolation and the
// revision, and takes a child of an index by an [Order]; which ones depends on
// its version: see [Engine.Eras], where each row has its source. A reference to
// a single manifest is not compared by containerd.
//
// # What an answer means
//
// No: Windows or the runtime will not run it. Yes: both will, and the
// documentation does not object. Risky: the layers differ, or reports
// contradict them. Unknown: a needed fact is missing; it is named among the
// reasons.
//
// A revision that is not told does not matter where nothing depends on it, and
// at the February 2020 boundary matters only where the other side is before it,
// which hardly any host or image of today is.
//
// [version-compatibility.md]: https://github.com/MicrosoftDocs/Virtualization-Documentation/blob/77e0742a/virtualization/windowscontainers/deploy-containers/version-compatibility.md
// [portability.md]: https://github.com/MicrosoftDocs/Virtualization-Documentation/blob/77e0742a/virtualization/windowscontainers/deploy-containers/portability.md
// [update-containers.md]: https://github.com/MicrosoftDocs/Virtualization-Documentation/blob/77e0742a/virtualization/windowscontainers/deploy-containers/update-containers.md
// [hyperv-container.md]: https://github.com/MicrosoftDocs/Virtualization-Documentation/blob/77e0742a/virtualization/windowscontainers/manage-containers/hyperv-container.md
package compat
