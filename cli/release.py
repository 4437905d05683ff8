"""``csanmt release``: build, verify, push; the record; models in, verdicts out; others: traffic."""

from __future__ import annotations

import argparse
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from cli.output import action, answer, answer_table, gone, note, print_json
from cli.shipping import API_TESTS
from cli.site_action import full_tag, open_ledger
from csanmt.errors import InvalidInputError
from csanmt.source_tree import SOURCE_TREE
from release.ledger.ledger import Kind, current_user

if TYPE_CHECKING:
    from cli.output import Actions
    from release.build.verify import Check


def register(parser: argparse.ArgumentParser) -> None:
    from cli import rollout, shipping

    parser.description = """\
From a commit to users and back. Build and verify first; deploy, promote and observe
then; every step is written into the ledger."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action")
    _register_build(actions)
    for name, instead in GONE.items():
        gone(actions, "csanmt release", name, instead)
    _register_record(actions)
    shipping.register(actions)
    rollout.register(actions)


def _register_build(actions: Actions) -> None:
    build = action(actions, "build", _build)
    build.add_argument("--builder", choices=["buildah", "podman", "docker"])
    build.add_argument("--no-image", action="store_true", help="stop at the bento")
    build.add_argument("--local-base", action="store_true", help="do not try to pull the base")
    build.add_argument("--why", default="release build", help="reason, for the ledger")
    build.add_argument(
        "--replace",
        metavar="REASON",
        default="",
        help="give a version that never left this machine another content",
    )
    verify = action(actions, "verify", _verify)
    verify.add_argument("--evidence", type=Path, help="evidence.json of csanmt bench gate")
    verify.add_argument("--port", type=int, default=3390, help="to start it on (3390)")
    verify.add_argument("--why", default="verify", help="reason, for the ledger")
    push = action(actions, "push", _push)
    push.add_argument("--to", metavar="REGISTRY/REPOSITORY", help="instead of release.toml's")
    push.add_argument("--force", metavar="REASON", default="", help="push unverified")
    for parser in (build, verify, push):
        parser.add_argument("version", metavar="VERSION")
        parser.add_argument(
            "--artefacts",
            type=Path,
            default=SOURCE_TREE / "dist",
            metavar="DIR",
            help="where a folder per version lies (dist)",
        )


def _register_record(actions: Actions) -> None:
    history = action(actions, "history", _history)
    history.add_argument("version", metavar="VERSION", nargs="?")
    kinds = [kind.value for kind in Kind]
    history.add_argument("--kind", choices=kinds, metavar="KIND", help=f"only {', '.join(kinds)}")
    history.add_argument("--limit", type=int, help="only the newest N")
    history.add_argument("--check", action="store_true", help="verify the ledger's integrity")
    model = action(actions, "model", _model)
    model.add_argument("model", metavar="TAG", help="csanmt-zh-en:v1.5.0")
    model.add_argument("--directory", metavar="DIR", help="files of a version to be saved as TAG")
    model.add_argument("--publish", metavar="SOURCE", default="", help="DIR or oci:REPOSITORY")
    fetch = action(actions, "fetch", _fetch)
    fetch.add_argument(
        "--manifest",
        type=Path,
        default=SOURCE_TREE,
        metavar="DIR",
        help="whose release.toml (this one)",
    )
    accept = action(actions, "accept", _accept)
    accept.add_argument("folder", metavar="FOLDER", type=Path)
    accept.add_argument("--signers", type=Path, help="who may have signed it (release.toml's)")
    accept.add_argument("--unsigned", metavar="REASON", default="", help="nobody need have")
    accept.add_argument(
        "--from",
        dest="repository",
        metavar="REGISTRY/REPOSITORY",
        default="",
        help="pull the image from there first",
    )


# Actions of v0.1.0 that are no more, and what to do instead.
GONE = {
    "review": "the gate's report shows what changed most; who approves is the pipeline's to ask",
    "pin": "csanmt release model TAG pins it, raises the version and commits",
    "inspect": "skopeo inspect --config containers-storage:localhost/csanmt:TAG says the same",
    "traffic": "csanmt release status shows it",
    "drill": "pytest tests/e2e/test_rollout_bentos.py rehearses a switch and the way back",
}


# --- build ------------------------------------------------------------------------------------


def _build(args: argparse.Namespace) -> None:
    """Make bento, image and bill of materials of the commit checked out.

    VERSION is vX.Y.Z as the package says (or vX.Y.Z-fix-NAME); the image is tagged
    with it and the commit. Refused: a tree that differs from the commit, a version
    that disagrees with the package or a tag, one that was built before with another
    content, a model that is not the pinned one, 'latest', a branch.
    """
    from model_store import ModelStore
    from release.build.pipeline import build_release

    built = build_release(
        args.version, SOURCE_TREE, ModelStore.from_environment(), open_ledger(),
        artefacts=args.artefacts, cache=_cache(), who=current_user(), why=args.replace or args.why,
        builder=args.builder, with_image=not args.no_image, replacing=bool(args.replace),
        source=_source(), local_base=args.local_base, tell=note,
    )  # fmt: skip
    if args.json:
        print_json(built)
        return
    for part in ("bento", "model"):
        print(f"{part}  {built[part]['tag']}  {built[part]['digest']}")
    if image := built["image"]:
        print(f"image  {image['name']}  {image['facts']['digest']}")
        print(f"size   {built['size']}")
        if image["base"]["is_fallback"]:
            note(f"stands on the local base {image['base']['name']}, not on the pinned one")
    print(f"files  {built['artefacts']}")
    if built["repeated"]:
        note("the same content was built before; nothing new was recorded")


# --- verify -----------------------------------------------------------------------------------


def _verify(args: argparse.Namespace) -> int:
    """Say whether a built version is ready to deploy, and if not, why.

    VERSION is the image tag, v1.2.0-abc1234, or vX.Y.Z for its newest build. Every
    check is run: checksums, model, bento, image and its contents, the API tests
    against the version started here, and the gate's evidence. The exit status is 1 when
    it is not ready.
    """
    import tempfile

    from model_store import ModelStore
    from release.build.manifest import read_manifest
    from release.build.verdict import write_verdict
    from release.build.verify import Subject, verify
    from release.running.launchers import ContainerLauncher, Launcher, ProcessLauncher

    ledger = open_ledger()
    tag = full_tag(ledger, args.version)
    store = ModelStore.from_environment()
    manifest = read_manifest(SOURCE_TREE)
    folder = args.artefacts / tag
    build = ledger.last(Kind.BUILD, tag)
    with tempfile.TemporaryDirectory(prefix="csanmt-trial-") as trial:
        launcher: Launcher = ProcessLauncher(Path(trial), store.home)
        if build and build.detail.get("image"):
            launcher = ContainerLauncher()
        subject = Subject(
            tag, ledger, store, manifest, folder,
            evidence=args.evidence or folder / "evidence.json",
            launcher=launcher, api_tests=API_TESTS, port=args.port,
        )  # fmt: skip
        told = (lambda _: None) if args.json else _tell
        verdict = verify(subject, who=current_user(), why=args.why, told=told)
    key = os.environ.get("CSANMT_SIGNING_KEY")
    write_verdict(folder, ledger, tag, Path(key) if key else None)
    ready = verdict["ready"]
    answer(args, verdict, f"{tag} is {'ready' if ready else 'NOT ready'} to deploy")
    return 0 if ready else 1


def _tell(check: Check) -> None:
    print(f"{'ok  ' if check.passed else 'FAIL'}  {check.name}: {check.detail}", flush=True)


# --- push ----------------------------------------------------------------------------


def _push(args: argparse.Namespace) -> None:
    """Bring an image to a registry or into an OCI archive, once and never differently.

    To --to REGISTRY/REPOSITORY, to the one release.toml names, or else into
    image.oci.tar beside the other artefacts. The same image again is a no-op; another
    one under a tag that exists is refused. A version that verify has not found ready
    is refused unless --force gives a reason.
    """
    from release.build.manifest import read_manifest
    from release.build.registry import push_image, record_push
    from release.ledger.state import fold
    from release.running.containers import BUILDERS, find_tool

    ledger = open_ledger()
    tag = full_tag(ledger, args.version)
    fold(ledger.history(version=tag)).require_verdict(tag, args.force)
    manifest = read_manifest(SOURCE_TREE)
    build = ledger.last(Kind.BUILD, tag)
    if build is None or not build.detail.get("image"):
        raise InvalidInputError(f"{tag} was built without an image")
    archive = args.artefacts / tag / "image.oci.tar"
    target = f"oci-archive:{archive}:{manifest.release.name}:{tag}"
    if repository := args.to or manifest.push.repository:
        target = f"docker://{repository}:{tag}"
    tool = find_tool(BUILDERS)
    done = push_image(str(build.detail["image"]), target, tool=tool)
    record_push(ledger, tag, done, who=current_user(), why=args.force or "push")
    answer(
        args,
        asdict(done),
        f"{'was there' if done.already_there else 'pushed'}  {done.reference}  {done.digest}",
    )


# --- the record -------------------------------------------------------------------------------


def _history(args: argparse.Namespace) -> None:
    """List what was done to which version, by whom, when and why.

    Oldest first. --check walks the chain of hashes and says whether it is whole.
    """
    ledger = open_ledger()
    if args.check:
        print(f"{ledger.check()} entries, none changed or missing ({ledger.path})")
        return
    entries = ledger.history(kind=args.kind, version=args.version, limit=args.limit)
    rows = [(e.sequence, e.at[:19], e.kind, e.version, e.who, e.why) for e in entries]
    headers = ["#", "TIME (UTC)", "WHAT", "VERSION", "WHO", "WHY"]
    answer_table(args, [asdict(entry) for entry in entries], headers, rows)


# --- a model's way in, a verdict's way out -------------------------------------------------------


def _model(args: argparse.Namespace) -> None:
    """Serve another model: pin it, raise the patch version, note it and commit.

    TAG is a version of the store; --directory saves it there first. The commit and its
    tag are all that the pipeline needs; --publish brings the version to where the
    pipeline fetches it, a folder or oci:REPOSITORY of a registry (skopeo), and
    release.toml remembers both.
    """
    from model_store import DEFAULT_TAG, ModelStore, ensure_default
    from release.build.manifest import read_manifest
    from release.build.model import publish_model, update_model

    store = ModelStore.from_environment()
    if args.model == DEFAULT_TAG:
        ensure_default(store)
    if args.directory:
        store.save(args.directory, args.model)
    digest = store.show(args.model).digest
    source = args.publish or read_manifest(SOURCE_TREE).model.source
    archive = publish_model(store, args.model, source) if source else ""
    version = update_model(SOURCE_TREE, args.model, digest, source=source, archive=archive)
    answer(
        args,
        {"version": version, "model": args.model, "sha256": digest},
        f"{version} serves {args.model}: git push --follow-tags",
    )


def _fetch(args: argparse.Namespace) -> None:
    """Bring the pinned model into the store, from where release.toml says.

    Nothing happens where it is there; another content than the pinned one is refused.
    """
    from model_store import ModelStore
    from release.build.manifest import read_manifest
    from release.build.model import fetch_model

    done = fetch_model(ModelStore.from_environment(), read_manifest(args.manifest), SOURCE_TREE)
    answer(args, {"model": done}, done)


def _accept(args: argparse.Namespace) -> None:
    """Take over the verdict of a pipeline, so that its version may be deployed here.

    FOLDER holds what the pipeline published beside the image: verdict.json, its
    signature, SHA256SUMS and the files they cover. Signature, checksums and the layers
    of the image here are checked; build and verdict go into this machine's ledger.
    """
    from release.build.manifest import read_manifest
    from release.build.verdict import accept_verdict

    signers = args.signers or read_manifest(SOURCE_TREE).signers
    version = accept_verdict(
        args.folder,
        open_ledger(),
        signers=None if args.unsigned else signers,
        unsigned=args.unsigned,
        who=current_user(),
        repository=args.repository,
    )
    words = f"{version} was judged ready: csanmt release ship {version}"
    answer(args, {"version": version}, words)


# --- the edge ---------------------------------------------------------------------------------


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "csanmt" / "wheels"


def _source() -> str:
    """Where the sources are public, as a CI run announces it."""
    chosen = os.environ.get("CSANMT_SOURCE_URL", "")
    server, name = os.environ.get("GITHUB_SERVER_URL"), os.environ.get("GITHUB_REPOSITORY")
    return chosen or (f"{server}/{name}" if server and name else "")
