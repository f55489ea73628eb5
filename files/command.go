package files

import "strings"

// dockerCommand is a command of Docker's that names an image or builds one.
type dockerCommand struct {
	verb      string // "run", "create", "pull", "build"
	image     word   // none for build
	isolation word
	platform  word
	file      word   // of build: the Dockerfile
	context   word   // of build: its folder
	args      []word // of build: NAME=VALUE
}

// dockerCommands are those of a script of which is certain what they say. A
// command to another engine (--host, --context) is left out, and so is one
// with a flag that is not known, since the word behind it may be its value.
func dockerCommands(script string, sh shell, macros bool) []dockerCommand {
	if sh == noShell || !strings.Contains(strings.ToLower(script), "docker") {
		return nil
	}
	var list []dockerCommand
	for _, words := range commands(script, sh, macros) {
		if c, ok := dockerOf(program(words, sh)); ok {
			list = append(list, c)
		}
	}
	return list
}

// program returns the words of a command from its program on.
func program(words []word, sh shell) []word {
	if sh == powerShell && len(words) > 2 {
		if op, _ := words[1].known(); op == "=" || op == "+=" {
			words = words[2:]
		}
	}
	for len(words) > 0 {
		text, ok := words[0].known()
		switch {
		case sh == posix && isAssignment(words[0]):
		case !ok:
			return nil
		case sh == cmdShell && strings.EqualFold(text, "call"):
		case sh == posix && isPrefix(text):
			for text == "sudo" && len(words) > 1 && words[1].begins("-") {
				if f, _ := words[1].known(); f != "-E" && f != "-n" && f != "-H" {
					return nil
				}
				words = words[1:]
			}
		default:
			return words
		}
		words = words[1:]
	}
	return nil
}

func isPrefix(s string) bool {
	switch s {
	case "if", "then", "else", "elif", "while", "until", "do", "!", "{", "time", "exec", "command", "nohup", "sudo", "env":
		return true
	}
	return false
}

// isAssignment reports whether a word is NAME=VALUE.
func isAssignment(w word) bool {
	if len(w) == 0 || w[0].kind != literal {
		return false
	}
	name, _, ok := strings.Cut(w[0].text, "=")
	return ok && isName(name, "")
}

// dockerOf reads a command that begins with docker.
func dockerOf(words []word) (c dockerCommand, ok bool) {
	if len(words) < 2 {
		return c, false
	}
	name, _ := words[0].known()
	name = strings.ToLower(strings.TrimPrefix(name, "@"))
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	if name != "docker" && name != "docker.exe" {
		return c, false
	}
	words = words[1:]
	words, ok = c.flags(words, "-l --log-level --config", "-D --debug")
	if !ok || len(words) == 0 {
		return c, false
	}
	verb, _ := words[0].known()
	words = words[1:]
	if verb == "container" || verb == "image" || verb == "buildx" || verb == "builder" {
		if len(words) == 0 {
			return c, false
		}
		verb, _ = words[0].known()
		words = words[1:]
	}
	c.verb = verb
	switch verb {
	case "run", "create":
		words, ok = c.flags(words, runValues, runSwitches)
	case "pull":
		words, ok = c.flags(words, "--platform", "-q --quiet --disable-content-trust")
	case "build":
		return c, c.build(words)
	default:
		return c, false
	}
	if !ok || len(words) == 0 || len(words[0]) == 0 { // docker run ""
		return c, false
	}
	c.image = words[0]
	return c, true
}

// build reads the arguments of docker build, whose flags may stand anywhere.
func (c *dockerCommand) build(words []word) bool {
	var rest []word
	for {
		more, ok := c.flags(words, buildValues, buildSwitches)
		if words = more; !ok {
			return false
		}
		if len(words) == 0 || words[0].begins(">") || words[0].begins("2>") {
			break
		}
		rest = append(rest, words[0])
		words = words[1:]
	}
	if len(rest) != 1 || len(rest[0]) == 0 {
		return false
	}
	c.context = rest[0]
	return true
}

// flags reads flags up to the first argument, and returns it and what follows.
// values are the flags that take a value, switches those that take none. ok is
// false where a flag is neither.
func (c *dockerCommand) flags(words []word, values, switches string) (rest []word, ok bool) {
	for len(words) > 0 && words[0].begins("-") {
		w := words[0]
		words = words[1:]
		text, whole := w[0].text, len(w) == 1
		if text == "--" && whole {
			return words, true
		}
		name, _, joined := strings.Cut(text, "=")
		var v word
		switch {
		case strings.HasPrefix(name, "--"):
			if !joined && !whole {
				return nil, false // a part of the name is not known
			}
			if has(switches, name) {
				continue
			}
			if joined {
				v = w.cut(len(name) + 1)
			}
		default: // letters, the last of which may have a value
			i := 1
			for i < len(text) && has(switches, "-"+text[i:i+1]) {
				i++
			}
			if i == len(text) && whole && i > 1 {
				continue
			}
			if i >= len(text) {
				return nil, false
			}
			name = "-" + text[i:i+1]
			if rest := w.cut(i + 1); len(rest) > 0 {
				v, joined = rest, true
				if rest.begins("=") {
					v = rest.cut(1)
				}
			} else {
				joined = false
			}
		}
		if !has(values, name) {
			return nil, false
		}
		if !joined {
			if len(words) == 0 {
				return nil, false
			}
			v, words = words[0], words[1:]
		}
		c.set(name, v)
	}
	return words, true
}

// set keeps the value of a flag that matters.
func (c *dockerCommand) set(name string, v word) {
	switch name {
	case "--isolation":
		c.isolation = v
	case "--platform":
		c.platform = v
	case "-f", "--file":
		c.file = v
	case "--build-arg":
		c.args = append(c.args, v)
	}
}

// has reports whether a word is in a list of words.
func has(list, word string) bool {
	for w := range strings.FieldsSeq(list) {
		if w == word {
			return true
		}
	}
	return false
}

// The flags of Docker's commands, of the command line of version 29 and what
// older ones had.
// https://github.com/docker/cli/blob/v29.0.0/cli/command/container/opts.go
const (
	runSwitches = "-d --detach -i --interactive -t --tty --rm --init --privileged -P --publish-all --read-only --sig-proxy " +
		"--no-healthcheck --oom-kill-disable -q --quiet --disable-content-trust --use-api-socket"
	runValues = "-a --attach --add-host --annotation --blkio-weight --blkio-weight-device --cap-add --cap-drop --cgroup-parent " +
		"--cgroupns --cidfile --cpu-count --cpu-percent --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime -c --cpu-shares " +
		"--cpus --cpuset-cpus --cpuset-mems --detach-keys --device --device-cgroup-rule --device-read-bps --device-read-iops " +
		"--device-write-bps --device-write-iops --dns --dns-opt --dns-option --dns-search --domainname --entrypoint -e --env " +
		"--env-file --expose --gpus --group-add --health-cmd --health-interval --health-retries --health-start-interval " +
		"--health-start-period --health-timeout -h --hostname --io-maxbandwidth --io-maxiops --ip --ip6 --ipc --isolation " +
		"--kernel-memory -l --label --label-file --link --link-local-ip --log-driver --log-opt --mac-address -m --memory " +
		"--memory-reservation --memory-swap --memory-swappiness --mount --name --net --net-alias --network --network-alias " +
		"--oom-score-adj --pid --pids-limit --platform -p --publish --pull --restart --runtime --security-opt --shm-size " +
		"--stop-signal --stop-timeout --storage-opt --sysctl --tmpfs --ulimit -u --user --userns --uts -v --volume " +
		"--volume-driver --volumes-from -w --workdir"
	// https://github.com/docker/buildx/blob/v0.30.0/commands/build.go
	buildSwitches = "--no-cache --pull -q --quiet --rm --force-rm --squash --load --push --check --compress " +
		"--disable-content-trust -D --debug"
	buildValues = "--add-host --allow --annotation --attest --build-arg --build-context --cache-from --cache-to --call " +
		"--cgroup-parent --cpu-period --cpu-quota -c --cpu-shares --cpuset-cpus --cpuset-mems -f --file --iidfile --isolation " +
		"--label -m --memory --memory-swap --metadata-file --network --no-cache-filter -o --output --platform --policy --progress " +
		"--provenance --sbom --secret --security-opt --shm-size --source-policy-file --ssh -t --tag --target --ulimit"
)
