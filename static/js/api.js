/** The REST API of our own server, by what it is about. */
export { ApiProblem, Unreachable, getFile } from "./api/request.js";
export { LiveSocket, SocketLost, Superseded } from "./api/live.js";
export { inspectDrawing, inspectExample, getInputPixel, inspectImage, getMaps, inputAddress, outputAddress, getChannel, getArithmetic, getStatistics, getContributions, getHistogram, getDifference, getDifferenceMaps, getExamples } from "./api/inspections.js";
export { getReceptiveField, getFieldColumn, getProjectiveField, getSlidingWindow, measureEffectiveField } from "./api/fields.js";
export { getModel, listModels, getMatches, getParameters, getWeights, weightsAddress, getWeightHistogram } from "./api/models.js";
export { getLayerKinds, computeShapes, findSettings, getModelStack, readSource, getKernelSources, getTrainedKernels, renderDrawing } from "./api/shapes.js";
