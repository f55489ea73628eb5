# winmatch alone, for the pre-commit hook winmatch-docker and for CI services
# that run jobs in containers. A Linux image: it reads files, it runs no Windows.
FROM golang:1.26-alpine AS build
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -tags nethttpomithttp2 -o /winmatch ./cmd/winmatch

FROM alpine:3.22
COPY --from=build /winmatch /usr/local/bin/winmatch
ENTRYPOINT ["/usr/local/bin/winmatch"]
