"""What the packets say agrees with what the frames say."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
from tests.data import shared_data
from tests.media.clips import make_clip

from sightline.core.errors import MediaFormatError, MediaLimitError, MediaNotFoundError, VideoDecodeError
from sightline.media.video_reader import VideoLimits, VideoReader
from sightline.media.video_survey import survey_video


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.ts", "libx264"), ("a.avi", "mpeg4")])
def test_times_are_those_of_the_frames(name: str, codec: str, tmp_path: Path) -> None:
    path = make_clip(tmp_path / name, 40, codec=codec)
    survey = survey_video(path)
    with VideoReader(path) as reader:
        times = [frame.time_s for frame in reader]
    np.testing.assert_allclose(survey.times_s, times, atol=1e-6)
    assert (survey.frame_count, survey.regular, survey.end_s) == (40, True, pytest.approx(times[-1]))
    assert [survey.index_at(t) for t in times] == list(range(40))
    assert survey.index_at(times[7] - 0.001) == 7
    assert survey.index_at(1e6) == 40


def test_times_of_real_clips() -> None:
    for name in ("MOT20-05-short.mp4", "openpose_people.avi", "cars.mp4"):
        path = shared_data(f"video/{name}")
        survey = survey_video(path)
        with VideoReader(path, start_s=survey.end_s - 0.5) as reader:
            last = [frame.time_s for frame in reader]
        assert survey.times_s[-len(last) :].tolist() == pytest.approx(last, abs=1e-6)


def test_a_cut_file_counts_what_is_left(tmp_path: Path) -> None:
    data = make_clip(tmp_path / "whole.mkv", 60, texture=60).read_bytes()
    (tmp_path / "cut.mkv").write_bytes(data[: len(data) // 2])
    survey = survey_video(tmp_path / "cut.mkv")
    assert 20 <= survey.frame_count <= 40
    assert survey.regular


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaNotFoundError):
        survey_video(tmp_path / "none.mp4")
    (tmp_path / "text.mp4").write_text("hello there")
    with pytest.raises(MediaFormatError):
        survey_video(tmp_path / "text.mp4")
    clip = make_clip(tmp_path / "clip.mp4", 3)
    with pytest.raises(MediaLimitError):
        survey_video(clip, limits=VideoLimits(max_bytes=100))
    with wave.open(str(tmp_path / "sound.wav"), "wb") as out:
        out.setparams((1, 2, 8000, 0, "NONE", ""))
        out.writeframes(bytes(1600))
    with pytest.raises(VideoDecodeError, match="no picture stream"):
        survey_video(tmp_path / "sound.wav")
