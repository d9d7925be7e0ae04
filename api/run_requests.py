"""From what a caller asks for to the one argument of a run's workflow.

Inputs are checked here, before a row or a workflow exists (invariant 2); values that are too large
for Temporal go to the artifact store, and servers of remote files are asked what those are. No web
library: the command line uses this too.
"""

import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from schema.dsl.environment_use import used_by_plan
from schema.errors import InvalidInputs, NodeError
from schema.given_files import (
    FileKnowledge,
    UploadRules,
    build_allowed_files,
    build_file,
    remote_urls,
)
from schema.key_file import KeySource
from schema.limits import RunPolicy
from schema.nodes.start import InputType, InputVariable, StartNodeData
from schema.plan import AppMode, Plan, PlanVariable
from schema.run_inputs import validate_inputs
from schema.run_secrets import StoredSecret, encrypt_secrets
from schema.runs import Queues, RunInput, RunRef
from schema.values.artifact_ref import ArtifactStore
from schema.values.encoding import to_wire
from schema.values.files import File, TransferMethod
from schema.values.large_values import reference_large
from schema.values.references import content_digest
from schema.values.remote_files import FileDescription, RemoteFiles
from schema.values.secret_forms import MIN_SECRET_CHARACTERS
from schema.values.secret_ref import environment_secret, mask
from schema.values.segments import Segment, SegmentType, Value

_DEFINITIONS = uuid.UUID("5f0e7f0a-6c0e-5d9a-9a51-6f1a8f6c2f5b")
"""Name space of the ids of definitions that were given as a file."""
MAX_SECRET_CHARACTERS = 200 * 1024
"""Dify's limit of one variable."""


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """What a caller asks for."""

    plan: Plan
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """JSON values by the start node's names."""
    query: str | None = None
    """The message to a chatflow; workflows have none."""
    files: Sequence[Mapping[str, Any]] = ()
    """Files with the message, as `sys.files`; an app that takes none does without (dify-nodes 8.3).
    """
    strict_file_types: bool = False
    """Whether a file's stated type must be the detected one, as for Dify's API."""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Texts for environment variables, read by their declared type; also for secret ones."""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Secrets that stand in the definition, by name (`Compilation.secrets`)."""
    raw_inputs: bool = False
    """Start with the values as they are: only the start node's own checks apply."""
    tenant_id: str = "local"
    app_id: str = "local"
    user: str = "local"
    """Who asks, as `sys.user_id`."""
    conversation_id: str | None = None
    dialogue_count: int = 1
    trigger: str = "api"
    policy: RunPolicy = field(default_factory=RunPolicy)
    queues: Queues = field(default_factory=Queues)


def start_variables(plan: Plan) -> tuple[InputVariable, ...]:
    """List the inputs that a plan's start node asks for."""
    data = plan.graph.by_id[plan.graph.root].data
    return data.variables if isinstance(data, StartNodeData) else ()


def check_request(request: RunRequest) -> None:
    """Check what can be checked before anything is opened, and before anybody is asked.

    Raises:
        InvalidInputs: If the request does not fit; every problem is named.
    """
    _read(request, FileKnowledge(is_preliminary=True))


def remote_urls_of(request: RunRequest) -> list[str]:
    """List the URLs of the remote files that a request gives, each once."""
    kinds = {variable.variable: variable.type for variable in start_variables(request.plan)}
    given = [value for name, value in request.inputs.items() if kinds.get(name) in _FILE_KINDS]
    return list(
        dict.fromkeys(url for value in (*given, request.files) for url in remote_urls(value))
    )


async def build_run_input(
    request: RunRequest,
    store: ArtifactStore,
    run_id: str | None = None,
    remote_files: RemoteFiles | None = None,
) -> RunInput:
    """Check a request and write it as the input of a run.

    Args:
        request: What was asked for.
        store: Takes what is too large to travel, and has the contents of uploaded files.
        run_id: Given by a caller that must not start a run twice; else a new one.
        remote_files: Asks about remote files; without it their URL describes them.

    Raises:
        InvalidInputs: If the inputs do not fit; every problem is named.
        ArtifactStoreUnavailable: If the store cannot be reached.
    """
    descriptions: Mapping[str, FileDescription] = {}
    if remote_files is not None:
        check_request(request)
        descriptions = await _describe(request, remote_files)
    known = FileKnowledge(descriptions=descriptions, is_strict=request.strict_file_types)
    given = _read(request, known)
    await _check_stored([*given.inputs.values(), given.files], store, request.tenant_id)
    run_id = run_id or str(uuid.uuid4())
    now = time.time()
    workflow_id = str(uuid.uuid5(_DEFINITIONS, request.plan.plan_sha))
    system = _system(request, given.files, run_id, workflow_id, int(now))
    return RunInput(
        run_id=run_id,
        tenant_id=request.tenant_id,
        app_id=request.app_id,
        workflow_id=workflow_id,
        plan=request.plan,
        inputs=await _to_wire(given.inputs, store, request.tenant_id),
        system=await _to_wire(system, store, request.tenant_id),
        environment=await _to_wire(given.environment, store, request.tenant_id),
        secrets={name: mask(value) for name, value in secrets_of(request).items()},
        trigger=request.trigger,
        created_by=request.user,
        created_at=now,
        registered=True,
        queues=request.queues,
        policy=request.policy,
    )


def missing_secrets(request: RunRequest) -> tuple[str, ...]:
    """List the secret environment variables that nodes read and nobody has given a value."""
    used = used_by_plan(request.plan)
    return tuple(
        variable.name
        for variable in request.plan.environment
        if variable.value_type == SegmentType.SECRET
        and variable.name in used
        and variable.name not in request.environment
        and environment_secret(variable.name) not in request.secrets
    )


def secrets_of(request: RunRequest) -> dict[str, str]:
    """Give the values of a run's secrets by name: its own, and those of the definition.

    Raises:
        InvalidInputs: If one that is needed is missing, or one is too large.
    """
    problems = [
        f"{name!r} is a secret without a value: give --env {name}=@FILE"
        for name in missing_secrets(request)
    ]
    values = {}
    for variable in request.plan.environment:
        if variable.value_type == SegmentType.SECRET:
            name = environment_secret(variable.name)
            value = request.environment.get(variable.name, request.secrets.get(name))
            if value is not None:
                values[name] = value
    for secret in request.plan.secrets:
        if secret.name in request.secrets:
            values[secret.name] = request.secrets[secret.name]
        else:
            problems.append("a secret of the definition is missing: start the run from the export")
    large = (name for name, value in values.items() if len(value) > MAX_SECRET_CHARACTERS)
    problems += [f"{n!r} is longer than {MAX_SECRET_CHARACTERS} characters" for n in large]
    if problems:
        raise InvalidInputs(problems)
    return values


def short_secrets(request: RunRequest) -> tuple[str, ...]:
    """List the secrets that are too short to be searched for in results."""
    return tuple(
        name
        for name, value in secrets_of(request).items()
        if 0 < len(value) < MIN_SECRET_CHARACTERS
    )


def encrypt_request_secrets(
    request: RunRequest, run: RunRef, keys: KeySource
) -> tuple[StoredSecret, ...]:
    """Encrypt a run's secrets for its row; keys are asked for only if there are any.

    Raises:
        InvalidInputs: As `secrets_of`.
        SetupError: If the keys cannot be had.
    """
    values = secrets_of(request)
    return encrypt_secrets(keys.ring(), run, values) if values else ()


@dataclass(frozen=True)
class _Given:
    """The values of a request, checked."""

    inputs: dict[str, Value]
    files: list[File]
    environment: dict[str, Value]


def _read(request: RunRequest, known: FileKnowledge) -> _Given:
    """Check everything and name every problem at once."""
    problems: list[str] = []
    given = _Given({}, [], {})
    try:
        given = replace(given, inputs=_inputs(request, known))
    except InvalidInputs as error:
        problems += error.problems
    problems += _query_problems(request)
    try:
        given = replace(given, files=_message_files(request, known))
    except InvalidInputs as error:
        problems += error.problems
    try:
        given = replace(given, environment=_environment(request))
    except InvalidInputs as error:
        problems += error.problems
    try:
        secrets_of(request)
    except InvalidInputs as error:
        problems += error.problems
    if problems:
        raise InvalidInputs(problems)
    return given


def _inputs(request: RunRequest, known: FileKnowledge) -> dict[str, Value]:
    variables = start_variables(request.plan)
    if not request.raw_inputs:
        return validate_inputs(variables, request.inputs, known)
    kinds = {variable.variable: variable.type for variable in variables}
    return {
        name: _raw_file(value, known) if kinds.get(name) in _FILE_KINDS else value
        for name, value in request.inputs.items()
    }


_FILE_KINDS = (InputType.FILE, InputType.FILE_LIST)


def _raw_file(value: Any, known: FileKnowledge) -> Value:
    """Build what describes a file although nobody checks it; everything else stays as it is."""
    if isinstance(value, list):
        return [_raw_file(item, known) for item in value]
    is_file = isinstance(value, Mapping) and "transfer_method" in value
    return build_file(value, known) if is_file else value


def _query_problems(request: RunRequest) -> list[str]:
    is_chat = request.plan.mode is AppMode.ADVANCED_CHAT
    if is_chat and request.query is None and not request.raw_inputs:
        return ["query is required: this app is a chatflow"]
    if not is_chat and request.query is not None:
        return ["query is only for chatflows: this app is a workflow"]
    return []


def _message_files(request: RunRequest, known: FileKnowledge) -> list[File]:
    rules = UploadRules.of_features(request.plan.features)
    return [] if rules is None else build_allowed_files(request.files, rules, known)


async def _describe(request: RunRequest, remote: RemoteFiles) -> dict[str, FileDescription]:
    """Ask about every remote file that the request gives, once each."""
    descriptions: dict[str, FileDescription] = {}
    problems: list[str] = []
    for url in remote_urls_of(request):
        try:
            descriptions[url] = await remote.describe(url)
        except NodeError as error:
            problems.append(f"{url}: {error}")
    if problems:
        raise InvalidInputs(problems)
    return descriptions


async def _check_stored(values: Iterable[Value], store: ArtifactStore, tenant_id: str) -> None:
    """Make sure that the contents of given files are there, for this tenant (dify-nodes 7.3)."""
    for value in values:
        for file in value if isinstance(value, list) else [value]:
            if not isinstance(file, File) or file.transfer_method is TransferMethod.REMOTE_URL:
                continue
            digest = content_digest(file)
            if digest is None or await store.size_of(tenant_id, digest) is None:
                is_upload = file.transfer_method is TransferMethod.LOCAL_FILE
                missing = (
                    "Invalid upload file" if is_upload else f"ToolFile {file.related_id} not found"
                )
                raise InvalidInputs([missing])


def _environment(request: RunRequest) -> dict[str, Value]:
    """Read texts as values of the environment variables that they replace."""
    declared = {variable.name: variable for variable in request.plan.environment}
    values: dict[str, Value] = {}
    problems: list[str] = []
    for name, text in request.environment.items():
        if name in declared and declared[name].value_type == SegmentType.SECRET:
            continue  # never in a run's input
        try:
            values[name] = _read_environment_value(name, text, declared)
        except InvalidInputs as error:
            problems += error.problems
    if problems:
        raise InvalidInputs(problems)
    return values


def _system(
    request: RunRequest, files: list[File], run_id: str, workflow_id: str, timestamp: int
) -> dict[str, Value]:
    """Give the system variables of the app's mode, in Dify's order (dify-nodes 3.11)."""
    chat: dict[str, Value] = {}
    if request.plan.mode is AppMode.ADVANCED_CHAT:
        chat = {
            "query": request.query or "",
            "conversation_id": request.conversation_id or str(uuid.uuid4()),
            "dialogue_count": request.dialogue_count,
        }
    return {
        **chat,
        "files": Segment(SegmentType.ARRAY_FILE, files),
        "user_id": request.user,
        "app_id": request.app_id,
        "workflow_id": workflow_id,
        "workflow_run_id": run_id,
        "timestamp": timestamp,
    }


def _read_environment_value(name: str, text: str, declared: Mapping[str, PlanVariable]) -> Value:
    variable = declared.get(name)
    if variable is None:
        known = ", ".join(repr(other) for other in declared) or "none"
        raise InvalidInputs([f"{name!r} is no environment variable of this app (it has: {known})"])
    match variable.value_type:
        case SegmentType.STRING:
            return text
        case SegmentType.NUMBER | SegmentType.INTEGER | SegmentType.FLOAT:
            return _read_number(name, text)
        case other:
            raise InvalidInputs([f"{name!r} is of type {other}, which no text can replace"])


def _read_number(name: str, text: str) -> int | float:
    try:
        return float(text) if set(text.lower()) & set(".e") else int(text)
    except ValueError as error:
        raise InvalidInputs([f"{name!r} is a number, {text!r} is none"]) from error


async def _to_wire(
    values: Mapping[str, Value], store: ArtifactStore, tenant_id: str
) -> dict[str, Any]:
    wire = {}
    for name, value in values.items():
        try:
            segment = await reference_large(Segment.infer(value), store, tenant_id)
        except NodeError as error:
            raise InvalidInputs([f"{name}: {error}"]) from error
        # A plain value's type is inferred again where it is read; a reference has to carry it.
        wire[name] = to_wire(segment if segment.is_reference else value)
    return wire
