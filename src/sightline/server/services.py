"""Everything that routes need, opened and closed in one place."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends
from fastapi.requests import HTTPConnection

from sightline.server.config import ServerConfig
from sightline.server.intake import Intake
from sightline.server.jobs.runner import Runner
from sightline.server.live import LiveHub
from sightline.server.live_cameras import CameraFeeds
from sightline.server.metrics import Metrics
from sightline.server.oidc import SingleSignOn, from_environment
from sightline.server.readiness import ReadinessChecks
from sightline.server.reads import ReadLog
from sightline.server.sign_in_limits import SignInLimits
from sightline.server.workers import Workers
from sightline.store.accounts import Accounts
from sightline.store.analyses import AnalysisStore
from sightline.store.audit import AuditTrail
from sightline.store.blobs import BlobStore, open_blobs
from sightline.store.database import Database, open_database
from sightline.store.jobs import JobStore
from sightline.store.keys import read_key
from sightline.store.media import MediaCatalogue
from sightline.store.records import RecordStore
from sightline.store.retention import Retention
from sightline.store.settings import SettingsStore
from sightline.store.sources import SourceStore
from sightline.store.thumbnails import Thumbnails
from sightline.store.uploads import Uploads


@dataclass(frozen=True)
class Services:
    """Everything that routes need."""

    config: ServerConfig
    database: Database
    settings: SettingsStore
    accounts: Accounts
    audit: AuditTrail
    blobs: BlobStore
    media: MediaCatalogue
    uploads: Uploads
    intake: Intake
    thumbnails: Thumbnails
    reads: ReadLog
    retention: Retention
    records: RecordStore
    sources: SourceStore
    analyses: AnalysisStore
    jobs: JobStore
    workers: Workers
    runner: Runner
    live: LiveHub
    cameras: CameraFeeds
    metrics: Metrics
    readiness: ReadinessChecks
    single_sign_on: SingleSignOn | None = None
    sign_in_limits: SignInLimits = field(default_factory=SignInLimits)


@contextmanager
def open_services(config: ServerConfig) -> Iterator[Services]:
    """Open everything, in order, and close it again in reverse.

    Raises
    ------
    StoreUnavailableError
        When the database or the media store cannot be reached.
    MediaWriteError
        When the data folder cannot be written to.
    """
    for folder in (config.data, config.spool, config.keys, config.thumbs):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    sign_on = from_environment(os.environ)
    with ExitStack() as stack:
        database = stack.enter_context(open_database(config.data, config.database_url))
        settings = SettingsStore(database)
        audit = AuditTrail(database, config.keys, reads=lambda: settings.get().audit_reads)
        blobs = open_blobs(config.media_url, config.data)
        thumbnails = Thumbnails(config.thumbs)
        media = MediaCatalogue(database, blobs, forget=thumbnails.forget)
        media.recover()
        uploads = Uploads(database, config.spool)
        uploads.clear_strays()
        jobs, records = JobStore(database), RecordStore(database)
        analyses = AnalysisStore(database, media)
        sources = SourceStore(database, read_key(config.keys / "sources.key"))
        metrics = Metrics()
        workers = Workers(config.interactive_workers, config.batch_workers, observe=metrics.observe)
        stack.callback(workers.close)
        live = LiveHub(workers, config.interactive_workers)
        metrics.watch(database, workers, live)
        runner = Runner(config, database, settings, media, records, sources, analyses, jobs, workers)
        stack.callback(runner.close)
        yield Services(
            config,
            database,
            settings,
            Accounts(database),
            audit,
            blobs,
            media,
            uploads,
            Intake(settings, audit, media, uploads, workers, runner),
            thumbnails,
            ReadLog(audit),
            Retention(database, media, uploads, thumbnails, audit),
            records,
            sources,
            analyses,
            jobs,
            workers,
            runner,
            live,
            CameraFeeds(live),
            metrics,
            ReadinessChecks(database, blobs, workers),
            None if sign_on is None else SingleSignOn(sign_on),
        )


def services_of(connection: HTTPConnection) -> Services:
    """Return the services of the app that a request came to."""
    services: Services = connection.app.state.services
    return services


Wired = Annotated[Services, Depends(services_of)]
"""For routes: ``def route(services: Wired) -> …``."""
