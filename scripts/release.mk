# The release path's targets, included by the Makefile.
#   make build VERSION=v1.2.0     make verify VERSION=v1.2.0     make push VERSION=v1.2.0
VERSION ?=
BUILDER ?=
EVIDENCE ?=
TO ?=
FORCE ?=
UPGRADE ?=
named = $(if $(VERSION),,$(error say which version: make $@ VERSION=v1.2.0))


.PHONY: chaos story build verify push audit audit-image compat lint-files base-image

build: install-release ## bento and image of the commit checked out (VERSION=, BUILDER=)
	$(named)$(BIN)/csanmt release build $(VERSION) $(if $(BUILDER),--builder $(BUILDER))

verify: install-release ## is a built version ready to deploy? (VERSION=, EVIDENCE=)
	$(named)$(BIN)/csanmt release verify $(VERSION) $(if $(EVIDENCE),--evidence $(EVIDENCE))

push: install-release ## to a registry or an archive, once (VERSION=, TO=, FORCE=reason)
	$(named)$(BIN)/csanmt release push $(VERSION) $(if $(TO),--to $(TO)) \
		$(if $(FORCE),--force "$(FORCE)")

audit: install-dev ## how far behind, licences and advisories of what is locked
	sh scripts/audit.sh

audit-image: install-dev ## advisories of the packages that lie in an image (IMAGE=)
	sh scripts/audit_image.sh $(or $(IMAGE),$(error say which image: make $@ IMAGE=localhost/csanmt:v1.2.0-abc1234))

compat: install-dev ## try other versions of libraries (PINS="numpy==1.26.4 …")
	sh scripts/compat.sh $(PINS)

lint-files: ## shellcheck, hadolint, actionlint
	scripts/lint_files.sh

chaos: install-dev ## random walks of operators and mishaps on real bentos (SEEDS=60); a quarter of an hour
	PYTHONPATH=. $(BIN)/python -m tests.release.chaos --seeds $(or $(SEEDS),60)

story: install-dev ## a newcomer's five commands, and between them every step of the pipeline; half an hour
	PYTHONPATH=. $(BIN)/python -m tests.e2e.story $(STORY)

base-image: ## the base image from Debian packages, where no registry can be reached
	scripts/make_base_image.sh
