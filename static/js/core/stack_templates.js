/**
 * Well-known stacks to begin with.
 *
 * @import {LayerSpec} from "./stack.js"
 * @import {Value} from "./python_literal.js"
 */

/**
 * @param {number} from
 * @param {number} to
 * @param {number} kernel
 * @param {Record<string, Value>} [more]
 * @returns {LayerSpec}
 */
const convolution = (from, to, kernel, more = {}) => ({ type: "Conv2d", in_channels: from, out_channels: to, kernel_size: kernel, ...more });
/** @param {number} from @param {number} to @returns {LayerSpec} */
const linear = (from, to) => ({ type: "Linear", in_features: from, out_features: to });
/** @param {string} type @param {number} kernel @param {number} [stride] @returns {LayerSpec} */
const pooling = (type, kernel, stride) => ({ type, kernel_size: kernel, ...(stride === undefined ? {} : { stride }) });
/** @param {number} features @returns {LayerSpec} */
const batchNorm = (features) => ({ type: "BatchNorm2d", num_features: features });
/** @param {string} type @param {Record<string, Value>} [more] @returns {LayerSpec} */
const plain = (type, more = {}) => /** @type {LayerSpec} */ ({ type, ...more });

/**
 * @param {number[]} widths  of the 3x3 convolutions; 0 for a pooling
 * @returns {LayerSpec[]}
 */
function vgg(widths) {
  let before = 3;
  return widths.flatMap((width) => {
    if (width === 0) return [pooling("MaxPool2d", 2)];
    const layers = [convolution(before, width, 3, { padding: 1 }), plain("ReLU")];
    before = width;
    return layers;
  });
}

/** @param {number} from @param {number} to @returns {LayerSpec[]} */
const twice = (from, to) => [convolution(from, to, 3, { padding: 1 }), batchNorm(to), plain("ReLU"), convolution(to, to, 3, { padding: 1 }), batchNorm(to), plain("ReLU")];

/** @param {number} from @param {number} to @param {Record<string, Value>} more @returns {LayerSpec[]} */
const grown = (from, to, more) => [{ type: "ConvTranspose2d", in_channels: from, out_channels: to, kernel_size: 4, ...more, bias: false }, batchNorm(to), plain("ReLU")];

/** @param {number} from @param {number} to @param {number} stride @returns {LayerSpec[]} */
const separable = (from, to, stride) => [
  convolution(from, from, 3, { stride, padding: 1, groups: from, bias: false }),
  batchNorm(from),
  plain("ReLU6"),
  convolution(from, to, 1, { bias: false }),
  batchNorm(to),
  plain("ReLU6"),
];

/**
 * @typedef {{name: string, title: string, input: number[], layers: LayerSpec[]}} Template
 *
 * @type {Template[]}
 */
export const TEMPLATES = [
  {
    name: "lenet-5",
    title: "LeNet-5",
    input: [1, 1, 32, 32],
    layers: [
      convolution(1, 6, 5),
      plain("Tanh"),
      pooling("AvgPool2d", 2),
      plain("Tanh"),
      convolution(6, 16, 5),
      plain("Tanh"),
      pooling("AvgPool2d", 2),
      plain("Tanh"),
      convolution(16, 120, 5),
      plain("Tanh"),
      plain("Flatten"),
      linear(120, 84),
      plain("Tanh"),
      linear(84, 10),
    ],
  },
  {
    name: "alexnet",
    title: "AlexNet",
    input: [1, 3, 224, 224],
    layers: [
      convolution(3, 64, 11, { stride: 4, padding: 2 }),
      plain("ReLU"),
      pooling("MaxPool2d", 3, 2),
      convolution(64, 192, 5, { padding: 2 }),
      plain("ReLU"),
      pooling("MaxPool2d", 3, 2),
      convolution(192, 384, 3, { padding: 1 }),
      plain("ReLU"),
      convolution(384, 256, 3, { padding: 1 }),
      plain("ReLU"),
      convolution(256, 256, 3, { padding: 1 }),
      plain("ReLU"),
      pooling("MaxPool2d", 3, 2),
      plain("AdaptiveAvgPool2d", { output_size: 6 }),
      plain("Flatten"),
      plain("Dropout"),
      linear(9216, 4096),
      plain("ReLU"),
      plain("Dropout"),
      linear(4096, 4096),
      plain("ReLU"),
      linear(4096, 1000),
    ],
  },
  {
    name: "vgg-16",
    title: "VGG-16, its features",
    input: [1, 3, 224, 224],
    layers: vgg([64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0]),
  },
  {
    name: "resnet-stem",
    title: "ResNet, its stem",
    input: [1, 3, 224, 224],
    layers: [convolution(3, 64, 7, { stride: 2, padding: 3, bias: false }), batchNorm(64), plain("ReLU"), plain("MaxPool2d", { kernel_size: 3, stride: 2, padding: 1 })],
  },
  {
    name: "mobilenet",
    title: "MobileNet, its beginning",
    input: [1, 3, 224, 224],
    layers: [convolution(3, 32, 3, { stride: 2, padding: 1, bias: false }), batchNorm(32), plain("ReLU6"), ...separable(32, 64, 1), ...separable(64, 128, 2), ...separable(128, 128, 1)],
  },
  {
    name: "u-net",
    title: "U-Net, its encoder",
    input: [1, 3, 128, 128],
    layers: [...twice(3, 32), pooling("MaxPool2d", 2), ...twice(32, 64), pooling("MaxPool2d", 2), ...twice(64, 128), pooling("MaxPool2d", 2), ...twice(128, 256)],
  },
  {
    name: "dcgan",
    title: "DCGAN, its generator",
    input: [1, 100, 1, 1],
    layers: [
      ...grown(100, 512, {}),
      ...grown(512, 256, { stride: 2, padding: 1 }),
      ...grown(256, 128, { stride: 2, padding: 1 }),
      ...grown(128, 64, { stride: 2, padding: 1 }),
      { type: "ConvTranspose2d", in_channels: 64, out_channels: 3, kernel_size: 4, stride: 2, padding: 1, bias: false },
      plain("Tanh"),
    ],
  },
  {
    name: "dilated",
    title: "Dilated convolutions",
    input: [1, 1, 64, 64],
    layers: [1, 2, 4, 8].flatMap((dilation, index) => [convolution(index === 0 ? 1 : 16, 16, 3, { padding: dilation, dilation }), plain("ReLU")]),
  },
  {
    name: "speech",
    title: "Sound: three 1-D convolutions",
    input: [1, 1, 16000],
    layers: [
      { type: "Conv1d", in_channels: 1, out_channels: 64, kernel_size: 10, stride: 5 },
      plain("GELU"),
      { type: "Conv1d", in_channels: 64, out_channels: 64, kernel_size: 8, stride: 4 },
      plain("GELU"),
      { type: "Conv1d", in_channels: 64, out_channels: 64, kernel_size: 4, stride: 2 },
      plain("GELU"),
    ],
  },
  {
    name: "perceptron",
    title: "Perceptron",
    input: [1, 1, 28, 28],
    layers: [plain("Flatten"), linear(784, 128), plain("ReLU"), linear(128, 10)],
  },
];

/** The example of a comparison: the same field by two small kernels and by one large. */
export const COMPARISON = {
  title: "3×3 twice against 5×5 once",
  input: [1, 64, 56, 56],
  first: [convolution(64, 64, 3, { padding: 1 }), plain("ReLU"), convolution(64, 64, 3, { padding: 1 }), plain("ReLU")],
  second: [convolution(64, 64, 5, { padding: 2 }), plain("ReLU")],
};

/** An example for the doctor: the features of the linear layer are those of another input. */
export const BROKEN = {
  title: "A stack that breaks",
  input: [1, 3, 32, 32],
  layers: [convolution(3, 6, 5), plain("ReLU"), pooling("MaxPool2d", 2), convolution(6, 16, 5), plain("ReLU"), pooling("MaxPool2d", 2), plain("Flatten"), linear(256, 120), plain("ReLU"), linear(120, 10)],
};
