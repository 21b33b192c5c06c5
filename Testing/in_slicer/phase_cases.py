"""The five collateral maps as a sequence: its steps, its one window, and who may write where."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import slicer
from in_slicer.scene_case import OBLIQUE, SceneCase, small_series
from in_slicer.slice_case import SliceCase
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.maps.quantity import COLLATERALS, QUANTITIES
from SyntheticPerfusionLib.mrml import grid, legend, maps, overlay, phases, sequence
from SyntheticPerfusionLib.mrml.results import load_result
from SyntheticPerfusionLib.series.concentration import Flag
from SyntheticPerfusionLib.series.images import write_image
from SyntheticPerfusionLib.series.phases import PHASES

METHOD = "collateral-roi"
NAMES = ["arterial", "capillary", "early venous", "late venous", "delay"]
INTERVALS_S = {phase: (10.0 + 2 * n, 12.0 + 2 * n) for n, phase in enumerate(PHASES)}


class PhaseCase(SceneCase):
    def setUp(self) -> None:
        super().setUp()
        self.series, _ = sequence.sequence_from_series(small_series(), self.scene)
        ramp = np.linspace(0, 1, np.prod(OBLIQUE.shape), dtype="f4").reshape(OBLIQUE.shape)
        self.arrays = [ramp + number for number in range(len(COLLATERALS))]

    def put_maps(self, method: str = METHOD, scale: float = 1.0) -> list:
        return [
            maps.put_map(self.scene, item, method, array * scale, OBLIQUE, self.series)
            for item, array in zip(COLLATERALS, self.arrays, strict=True)
        ]

    def put(self, method: str = METHOD, scale: float = 1.0):
        volumes = self.put_maps(method, scale)
        return phases.put_phases(self.scene, volumes, method, self.series, INTERVALS_S)

    def steps(self, node) -> list[np.ndarray]:
        count = node.GetNumberOfDataNodes()
        return [slicer.util.arrayFromVolume(node.GetNthDataNode(n)).copy() for n in range(count)]

    def test_the_sequence_has_a_step_per_phase_on_the_grid_of_the_maps(self) -> None:
        node = self.put()
        self.assertEqual(node.GetIndexName(), "phase")
        self.assertEqual(node.GetIndexTypeAsString(), "text")
        self.assertEqual(node.GetIndexUnit(), "")
        self.assertEqual([node.GetNthIndexValue(n) for n in range(5)], NAMES)
        self.assertEqual(
            NAMES, [phase.replace("_", " ") for phase in PHASES], "not the phases of the library"
        )
        for step, array in zip(self.steps(node), self.arrays, strict=True):
            np.testing.assert_array_equal(step, array)
        self.assertTrue(grid.geometry_of(node.GetNthDataNode(4)).matches(OBLIQUE, 1e-6))
        units = sequence.proxy_volume(node).GetVoxelValueUnits()
        self.assertEqual(units.GetCodeValue(), "1")

    def test_the_browser_shows_and_names_the_phase_it_is_set_to(self) -> None:
        node = self.put()
        proxy = sequence.proxy_volume(node)
        self.assertEqual(phases.shown_step(node), 0)
        for number, name in enumerate(NAMES):
            phases.show_step(node, number)
            self.assertEqual(phases.shown_step(node), number)
            np.testing.assert_array_equal(slicer.util.arrayFromVolume(proxy), self.arrays[number])
            self.assertEqual(proxy.GetName(), f"Collateral maps ({METHOD}) [phase={name}]")
            expected = (10.0 + 2 * number, 12.0 + 2 * number)
            self.assertEqual(phases.time_of_step(node, number), expected)

    def test_times_are_left_out_where_they_are_not_known(self) -> None:
        node = phases.put_phases(self.scene, self.put_maps("net"), "net", self.series)
        self.assertIsNone(phases.time_of_step(node, 2))

    def test_one_window_and_table_for_all_five_and_the_volume_that_shows_them(self) -> None:
        node = self.put()
        shown = phases.shown_alike(phases.map_of_step(node, 0))
        self.assertEqual(len(shown), 6)
        self.assertIn(sequence.proxy_volume(node), shown)
        displays = [volume.GetScalarVolumeDisplayNode() for volume in shown]
        windows = {(item.GetWindowLevelMin(), item.GetWindowLevelMax()) for item in displays}
        self.assertEqual(windows, {COLLATERALS[0].display_range})
        self.assertEqual({item.GetColorNode().GetName() for item in displays}, {"PerfusionRainbow"})
        self.assertEqual({item.GetInterpolate() for item in displays}, {0})
        self.assertEqual({item.GetApplyThreshold() for item in displays}, {1})
        self.assertEqual(len({item.GetLowerThreshold() for item in displays}), 1)

    def test_maps_of_other_quantities_share_no_window_with_them(self) -> None:
        node = self.put()
        flow = maps.put_map(
            self.scene, QUANTITIES["CBF"], METHOD, self.arrays[0], OBLIQUE, self.series
        )
        self.assertEqual(phases.shown_alike(flow), [flow])
        self.assertEqual(phases.shown_together(flow), [flow])
        self.assertNotIn(flow, phases.shown_alike(phases.map_of_step(node, 2)))
        self.assertIs(phases.shown_volume(flow), flow)

    def test_another_methods_maps_share_the_window_and_not_the_threshold(self) -> None:
        ours, theirs = self.put(), self.put("net")
        self.assertIsNot(ours, theirs)
        self.assertEqual(len(phases.shown_alike(phases.map_of_step(ours, 0))), 12)
        together = phases.shown_together(phases.map_of_step(ours, 0))
        self.assertEqual(len(together), 6)
        self.assertNotIn(sequence.proxy_volume(theirs), together)

    def test_maps_never_write_into_the_volume_that_shows_the_sequence(self) -> None:
        node = self.put()
        phases.show_step(node, 1)
        proxy, before = sequence.proxy_volume(node), self.steps(node)
        self.assertNotIn(proxy, list(maps.maps_in(self.scene)))
        self.assertFalse(sequence.browser_of(node).GetSaveChanges(node))
        renewed = self.put_maps(scale=3.0)
        slicer.util.arrayFromVolume(renewed[1])[:] = -1.0
        self.assertNotIn(proxy, renewed)
        np.testing.assert_array_equal(slicer.util.arrayFromVolume(proxy), self.arrays[1])
        for step, array in zip(self.steps(node), before, strict=True):
            np.testing.assert_array_equal(step, array)
        # Nor does the sequence of the series, whose proxy shares its memory.
        frames = sequence.series_from_sequence(self.series)
        np.testing.assert_array_equal(frames.signal, small_series().signal)

    def test_scrolling_leaves_the_steps_and_the_maps_as_they_are(self) -> None:
        node = self.put()
        for number in (0, 4, 2, 3, 1, 0):
            phases.show_step(node, number)
        for number, (step, array) in enumerate(zip(self.steps(node), self.arrays, strict=True)):
            np.testing.assert_array_equal(step, array)
            single = phases.map_of_step(node, number)
            np.testing.assert_array_equal(slicer.util.arrayFromVolume(single), array)

    def test_applying_again_renews_the_sequence_and_keeps_what_the_person_set(self) -> None:
        node = self.put()
        proxy = sequence.proxy_volume(node)
        phases.show_step(node, 3)
        maps.set_window(proxy, 0.5, 2.5)
        count = self.scene.GetNumberOfNodes()
        self.assertIs(self.put(scale=2.0), node)
        self.assertEqual(self.scene.GetNumberOfNodes(), count)
        self.assertIs(sequence.proxy_volume(node), proxy)
        self.assertEqual(phases.shown_step(node), 3)
        np.testing.assert_array_equal(slicer.util.arrayFromVolume(proxy), self.arrays[3] * 2)
        for step, array in zip(self.steps(node), self.arrays, strict=True):
            np.testing.assert_array_equal(step, array * 2)
        self.assertAlmostEqual(proxy.GetScalarVolumeDisplayNode().GetWindowLevelMax(), 2.5)

    def test_a_browser_that_was_removed_is_made_again(self) -> None:
        node = self.put()
        self.scene.RemoveNode(sequence.browser_of(node))
        self.assertIs(self.put(), node)
        proxy = sequence.proxy_volume(node)
        np.testing.assert_array_equal(slicer.util.arrayFromVolume(proxy), self.arrays[0])
        self.assertEqual(
            proxy.GetScalarVolumeDisplayNode().GetColorNode().GetName(), "PerfusionRainbow"
        )

    def test_there_is_no_sequence_without_all_five(self) -> None:
        four = self.put_maps()[:4]
        self.assertIsNone(phases.put_phases(self.scene, four, METHOD, self.series))
        self.assertEqual(list(phases.phases_in(self.scene)), [])
        self.assertIs(phases.shown_volume(four[0]), four[0])

    def test_a_map_knows_its_sequence_and_step(self) -> None:
        ours, theirs = self.put(), self.put("net")
        for node in (ours, theirs):
            for number in range(5):
                volume = phases.map_of_step(node, number)
                self.assertEqual(phases.step_of(volume), number)
                self.assertIs(phases.phases_of(volume), node)
                self.assertIs(phases.shown_volume(volume), sequence.proxy_volume(node))

    def test_the_sequence_is_no_series_to_make_maps_of(self) -> None:
        node = self.put()
        self.assertTrue(sequence.holds_phases(node))
        self.assertFalse(sequence.holds_phases(self.series))
        with self.assertRaisesRegex(InputError, "holds collateral maps; choose the series"):
            sequence.series_from_sequence(node, 1.5, 0.03)

    def test_it_lies_beside_the_series_under_its_transform_with_a_legend(self) -> None:
        transform = self.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        sequence.proxy_volume(self.series).SetAndObserveTransformNodeID(transform.GetID())
        proxy = sequence.proxy_volume(self.put())
        self.assertEqual(proxy.GetTransformNodeID(), transform.GetID())
        title = legend.show_phases_legend(proxy, METHOD).GetTitleText()
        self.assertEqual(title, f"Collateral maps\n{METHOD}")

    def test_it_is_found_again_in_a_scene_that_was_saved(self) -> None:
        self.put()
        phases.put_phases(self.scene, self.put_maps("net"), "net", self.series)
        self.scene.SetSaveToXMLString(1)
        self.addCleanup(self.scene.SetSaveToXMLString, 0)
        self.scene.Commit()
        xml = self.scene.GetSceneXMLString()
        loaded = slicer.vtkMRMLScene()
        slicer.vtkMRMLScene.CopyRegisteredNodesToScene(self.scene, loaded)
        loaded.SetLoadFromXMLString(1)
        loaded.SetSceneXMLString(xml)
        loaded.Import()
        timed, untimed = phases.phases_in(loaded)
        volumes = list(maps.maps_in(loaded))
        found = [phases.phases_of(volume) for volume in volumes]
        self.assertEqual(found, [timed] * 5 + [untimed] * 5)
        self.assertEqual(phases.time_of_step(timed, 4), (18.0, 20.0))
        self.assertIsNone(phases.time_of_step(untimed, 4))

    def test_the_sequence_survives_slicers_own_file(self) -> None:
        node = self.put()
        with tempfile.TemporaryDirectory() as folder:
            storage = slicer.vtkMRMLVolumeSequenceStorageNode()
            self.scene.AddNode(storage)
            storage.SetFileName(str(Path(folder) / "phases.seq.nrrd"))
            self.assertTrue(storage.WriteData(node))
            back = self.scene.AddNewNodeByClass("vtkMRMLSequenceNode", "Loaded")
            self.assertTrue(storage.ReadData(back))
        self.assertEqual([back.GetNthIndexValue(n) for n in range(5)], NAMES)
        # Slicer stores a left-handed grid with its slices turned round.
        for step, array in zip(self.steps(back), self.arrays, strict=True):
            np.testing.assert_array_equal(step[::-1], array)

    def test_what_the_command_line_wrote_comes_as_maps_and_as_a_sequence(self) -> None:
        brain, flags = np.zeros((2, *OBLIQUE.shape), np.uint8)
        brain[1:3] = 1
        flags[1, 0, 0] = Flag.NO_SIGNAL
        # In the brain, tissue without tracer that noise left a little below 0; and outside, 0.
        self.arrays[4][brain == 0] = 0.0
        self.arrays[4][1, 0] = -0.02
        self.arrays[4][1, 0, 0] = 0.0
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            files = {item.name: str(folder / f"{item.name}.nii.gz") for item in COLLATERALS}
            for path, array in zip(files.values(), self.arrays, strict=True):
                write_image(array, OBLIQUE, Path(path))
            report = folder / "report.json"
            settings = {"phases_s": {name: list(span) for name, span in INTERVALS_S.items()}}
            report.write_text(json.dumps({"settings": settings}), encoding="utf-8")
            result = {"maps": files, "report": str(report)}
            for label, array in (("mask", brain), ("flags", flags)):
                result[label] = str(folder / f"{label}.nii.gz")
                write_image(array, OBLIQUE, Path(result[label]))
            loaded = load_result(self.scene, result, METHOD, self.series)
        self.assertEqual(len(loaded.maps), 5)
        self.assertEqual(phases.time_of_step(loaded.phases, 0), (10.0, 12.0))
        step = self.steps(loaded.phases)[4]
        np.testing.assert_array_equal(step, slicer.util.arrayFromVolume(loaded.maps[4]))
        np.testing.assert_array_equal(step[2], self.arrays[4][2])
        clear = loaded.maps[4].GetScalarVolumeDisplayNode().GetLowerThreshold()
        # Dark and seen where there is no tracer; clear where nothing is known.
        np.testing.assert_allclose(step[1, 0, 1:], 0.0, atol=1e-5)
        self.assertGreater(float(step[1, 0, 1:].min()), clear)
        self.assertLess(float(step[1, 0, 0]), clear)
        self.assertLess(float(step[0].max()), clear)


class PhaseOverlayCase(SliceCase):
    """Scrolling, seen in the pixels of a slice: each step in the colours of the one window."""

    VIEW = "PhaseOverlayCase"

    def setUp(self) -> None:
        super().setUp()
        self.highest = COLLATERALS[0].display_range[1]
        volumes = [
            maps.put_map(
                self.scene, item, METHOD, self.ramp(self.highest * (n + 1) / 5), self.geometry
            )
            for n, item in enumerate(COLLATERALS)
        ]
        self.node = phases.put_phases(self.scene, volumes, METHOD)
        self.volumes = volumes

    def test_each_step_shows_in_the_colours_of_its_values(self) -> None:
        shown = phases.shown_volume(self.volumes[0])
        overlay.show_overlay(self.scene, shown, self.anatomy, 1.0, [self.VIEW])
        for number in range(5):
            phases.show_step(self.node, number)
            np.testing.assert_allclose(
                self.row(), self.expected_ramp((number + 1) / 5), atol=14, err_msg=NAMES[number]
            )

    def test_the_sequence_and_the_single_map_look_the_same(self) -> None:
        for number, volume in enumerate(self.volumes):
            overlay.show_overlay(self.scene, volume, self.anatomy, 0.6, [self.VIEW])
            single = self.row()
            phases.show_step(self.node, number)
            shown = phases.shown_volume(volume)
            self.assertIsNot(shown, volume)
            overlay.show_overlay(self.scene, shown, self.anatomy, 0.6, [self.VIEW])
            np.testing.assert_array_equal(self.row(), single)
