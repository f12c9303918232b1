"""Legacy torch checkpoints: what torch wrote is read back, all else is refused by name."""

import base64
import pickle
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsbuilder.errors import DataError
from dsbuilder.records.torch_pickle import read_state_dict

# Written by torch 2.13.0: seven tensors, three of them windows of one storage of 24 floats.
WRITTEN_BY_TORCH = zlib.decompress(
    base64.b85decode(
        "c-noFNpI6Y6oAJ|($>&Y_LjBm2}?*5XJhL^RUr*aYc9SZ<J!~M$hH0KNvk47%B4}^#E}Ds9(&}-u|I_?KLLpY&v9E6"
        "h_L)w_Vdj5p5Kf+;zz~%^=0wr)VtlK$wEhb@k7FE8%RzcCxnDizymArjCB^pZs3D}1N2dR<GGxB%wWFlnm&lzx`IKz"
        "88Rbw-?JE`Hpn?WgTdGdA`TfU>JmP=K8GxobvbbaeiMeM+-hM?3)6Va;+Q2?UPU&Gn7!ayTmh2TK*;rGG$Ypr(c(d5"
        "IR&G|T`yLQh^@3-&o(&o;~+BDOA1K2oIaG~#*t=|ft*fJ7QMjauhXCc8GQ`LG*q=wsg<jhV!2UQA=@j{3R_s&#7hpt"
        "%al-=X1g##vsCDU^1(?eI>O<o2BYbBN2VW#LCkCzb1=6fI|JRvoYXm<II#;|I8KE`eIj+9<Zw!Z(|Q)CZn(Z3Y`~fS"
        "`Ofb9CYI?i6{*yP$+X6EsqZ|83mRNZmw~e|hD)h#za7tU0S>!y`A-J)7wZkRQiUnZAYg_oSaCj|TCZ}rror{zf;gtP"
        "3OD+s&oFc-z1b%%SIYI03b#-yqBNJZLEM5o6}I4ZD!;?wt_JsdC9isBGloK+eLe`hL;L-|?5bK-p@?<~?bC@}+JaJI"
        "FQ;~uLq&sX&(79Dz6rH|`<tkyYxP<Q>Zl^9Y9uO>^!EXklKwtSb&oha*5FC24Kw-(PB+#VH*J%fFxz`Sr(=-7d>fwj"
        "w&THHv_OS8j#qHkze)bI0eu$+l_L&nrZlJr@}S+4VFiJt#}Mg1#DkkU*^~Bf1tLuJ4eHF`Wfo7QgX|!C$ajRy5i*WU"
        "Aw^^sSwh|-A<{v%kx$5HWCz(rz9Qe|egjR37_0"
    )
)
SHARED = np.arange(24, dtype=np.float32).reshape(4, 6)


def saved(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    return path


def header(*, magic: int = 0x1950A86A20F9469CFC6C, protocol: int = 1001) -> bytes:
    facts = {"protocol_version": 1001, "little_endian": True}
    return b"".join(pickle.dumps(part, protocol=2) for part in (magic, protocol, facts))


def tensor_opcodes(
    *, count: int, offset: int, size: tuple[int, ...], stride: tuple[int, ...], kind: str = "Float"
) -> bytes:
    """Pickle opcodes of a tensor over the storage 'a', as torch's own writer lays them out."""

    def numbers(values: tuple[int, ...]) -> bytes:
        return b"(" + b"".join(b"I%d\n" % value for value in values) + b"t"

    storage = b"(Vstorage\nctorch\n%sStorage\nVa\nVcpu\nI%d\nNtQ" % (kind.encode(), count)
    rest = (
        b"I%d\n" % offset + numbers(size) + numbers(stride) + b"\x89ccollections\nOrderedDict\n)R"
    )
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + rest + b"tR"


def checkpoint(value: bytes, numbers: np.ndarray, *, name: str = "w") -> bytes:
    """A whole file with one named value, and the storage 'a' behind it."""
    state = b"\x80\x02ccollections\nOrderedDict\n)RV%s\n%ss." % (name.encode(), value)
    count = len(numbers).to_bytes(8, "little")
    return header() + state + pickle.dumps(["a"], protocol=2) + count + numbers.tobytes()


def failure(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_state_dict(path)
    return str(caught.value)


def test_tensors_saved_by_torch_come_back_with_their_names_shapes_and_dtypes(
    tmp_path: Path,
) -> None:
    tensors = read_state_dict(saved(tmp_path, WRITTEN_BY_TORCH))
    assert {name: (t.shape, t.dtype.name) for name, t in tensors.items()} == {
        "grid": ((4, 6), "float32"),
        "transposed": ((6, 4), "float32"),
        "window": ((2, 3), "float32"),
        "steps": ((), "int64"),
        "half": ((2,), "float16"),
        "flags": ((3,), "bool"),
        "empty": ((0, 3), "float32"),
    }
    np.testing.assert_array_equal(tensors["grid"], SHARED)
    np.testing.assert_array_equal(tensors["transposed"], SHARED.T)
    np.testing.assert_array_equal(tensors["window"], SHARED[1:3, 2:5])
    np.testing.assert_array_equal(tensors["half"], [0.5, -2.0])
    np.testing.assert_array_equal(tensors["flags"], [True, False, True])
    assert tensors["steps"] == 7


@given(
    shape=st.lists(st.integers(1, 4), min_size=0, max_size=4),
    order=st.randoms(use_true_random=False),
    offset=st.integers(0, 5),
)
def test_every_order_of_the_axes_and_every_offset_is_honored(
    tmp_path_factory: pytest.TempPathFactory, shape: list[int], order: object, offset: int
) -> None:
    axes = list(range(len(shape)))
    order.shuffle(axes)  # type: ignore[attr-defined]
    numbers = np.arange(offset + int(np.prod(shape)), dtype=np.float32)
    expected = numbers[offset:].reshape(shape).transpose(axes)
    opcodes = tensor_opcodes(
        count=len(numbers),
        offset=offset,
        size=expected.shape,
        stride=tuple(step // 4 for step in expected.strides),
    )
    path = saved(tmp_path_factory.mktemp("checkpoint"), checkpoint(opcodes, numbers))
    np.testing.assert_array_equal(read_state_dict(path)["w"], expected)


def test_arrays_are_read_only(tmp_path: Path) -> None:
    tensors = read_state_dict(saved(tmp_path, WRITTEN_BY_TORCH))
    with pytest.raises(ValueError, match="read-only"):
        tensors["grid"][0, 0] = 1


def test_a_file_cut_anywhere_is_an_error_that_names_it(tmp_path: Path) -> None:
    for length in range(len(WRITTEN_BY_TORCH)):
        path = saved(tmp_path, WRITTEN_BY_TORCH[:length])
        assert str(path) in failure(path), f"cut after {length} bytes"


def test_bytes_behind_the_last_storage_are_an_error(tmp_path: Path) -> None:
    path = saved(tmp_path, WRITTEN_BY_TORCH + b"\0")
    assert failure(path) == (
        f"{path}: expected a whole torch checkpoint, found a cut or damaged one "
        "(ValueError: 1 bytes follow the last storage). Copy or download it again."
    )


@pytest.mark.parametrize(
    ("opcodes", "name"),
    [
        (b"cos\nsystem\n(Vtouch {victim}\ntR", "os.system"),
        (b"cbuiltins\neval\n(Vopen('{victim}', 'w')\ntR", "builtins.eval"),
        (b"cbuiltins\ngetattr\n(ctorch\nFloatStorage\nVformat\ntR", "builtins.getattr"),
        (b"ctorch._utils\n_rebuild_tensor\n(tR", "torch._utils._rebuild_tensor"),
        (b"ctorch\nBFloat16Storage\n", "torch.BFloat16Storage"),
        (b"ccollections\nCounter\n(tR", "collections.Counter"),
    ],
)
def test_a_pickle_naming_any_other_global_is_refused_and_nothing_runs(
    tmp_path: Path, opcodes: bytes, name: str
) -> None:
    victim = tmp_path / "victim"
    attack = opcodes.replace(b"{victim}", str(victim).encode())
    message = failure(saved(tmp_path, checkpoint(attack, np.zeros(0, np.float32))))
    assert f"found the global '{name}', which is refused" in message
    assert not victim.exists()


def test_an_attack_in_the_header_is_refused_too(tmp_path: Path) -> None:
    path = saved(tmp_path, b"\x80\x02cos\nsystem\n(Vtrue\ntR.")
    assert "'os.system'" in failure(path)


@pytest.mark.parametrize(
    ("offset", "size", "stride"),
    [
        (1, (6,), (1,)),
        (0, (2, 3), (4, 1)),
        (0, (2, 3), (3,)),
        (-1, (2,), (1,)),
        (0, (7,), (0,)),
        (0, (2,), (-1,)),
        (2**70, (1,), (1,)),
    ],
)
def test_a_window_outside_its_storage_is_an_error(
    tmp_path: Path, offset: int, size: tuple[int, ...], stride: tuple[int, ...]
) -> None:
    opcodes = tensor_opcodes(count=6, offset=offset, size=size, stride=stride)
    path = saved(tmp_path, checkpoint(opcodes, np.zeros(6, np.float32)))
    assert "cut or damaged" in failure(path)


def test_a_nested_checkpoint_is_an_error(tmp_path: Path) -> None:
    path = saved(tmp_path, checkpoint(b"I3\n", np.zeros(0, np.float32), name="epoch"))
    assert failure(path) == (
        f"{path}: expected a tensor under every name of a state dict, found something else. "
        "Save model.state_dict() alone, not a training checkpoint around it."
    )


@pytest.mark.parametrize("content", [b"PK\x03\x04rest", b"\x89HDF\r\n\x1a\n"])
def test_the_zip_form_and_other_files_are_an_error_that_tells_how_to_save(
    tmp_path: Path, content: bytes
) -> None:
    path = saved(tmp_path, content)
    assert failure(path) == (
        f"{path}: expected a legacy torch checkpoint, found a file that is not a pickle, or the "
        "zip form of torch 1.6. Save it again with "
        "torch.save(..., _use_new_zipfile_serialization=False)."
    )


def test_another_pickle_is_an_error(tmp_path: Path) -> None:
    path = saved(tmp_path, pickle.dumps({"w": [1.0]}))
    assert "found another pickle" in failure(path)


def test_another_protocol_is_an_error(tmp_path: Path) -> None:
    path = saved(tmp_path, header(protocol=1002))
    assert "found another pickle" in failure(path)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "none.pth"
    assert failure(path) == (
        f"{path}: expected a torch checkpoint, but it cannot be read (No such file or directory). "
        "Check the path and its permissions."
    )
